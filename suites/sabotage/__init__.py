"""Misconfigurations as they reach production, and what the suites say of each."""
