"""The clusters of the workloads, made of model objects; the same seed makes the same cluster."""
