"""The doctor: what a machine lacks for this project, why it is needed, and what mends it.

It is asked first, on machines where nothing is installed: so it needs a Python alone, even one that
is too old for the rest, and imports nothing of the project's.
"""
