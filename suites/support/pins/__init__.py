"""What is pinned, what is newer, and how pins are brought up to that."""
