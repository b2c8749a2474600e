"""A cluster feed on the Kubernetes API: docs/kubernetes.md says how it works and what it does in each failure."""
