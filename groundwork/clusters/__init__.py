"""Clusters: how a Kubernetes is provided, reached and taken away again."""
