"""The API server of a Kubernetes: the only wing that talks to one."""
