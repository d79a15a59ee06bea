"""The keeper's process: it owns an environment, whoever dies."""
