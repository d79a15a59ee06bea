"""A run, from outside of the keeper: its controller, its clients, what it shows and leaves."""
