"""Suites: promises about the environment, and tests of the engine itself."""
