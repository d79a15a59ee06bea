"""Docker or Podman: found, described, asked; what they leave is undone."""
