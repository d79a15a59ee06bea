"""What an author writes: an environment, its resources, settings, and what runs where."""
