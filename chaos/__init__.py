"""Faults against the declared environment under load, and the verdict on what its clients saw."""
