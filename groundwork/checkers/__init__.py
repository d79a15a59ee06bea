"""Checkers: pure functions from what was seen to a verdict. They import nothing but errors."""
