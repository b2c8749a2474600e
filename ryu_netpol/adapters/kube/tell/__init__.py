"""What the agent tells the API server: the status of its node, and Events at objects that are not as they should be."""
