"""Kubernetes out of packages: its control plane and the image of its nodes."""
