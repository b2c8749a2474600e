"""The feed on the Kubernetes API: each part by itself, and all of it against a server that does everything wrong."""
