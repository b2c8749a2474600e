"""The lab: nodes and pods on one machine, with the real agent and the real CNI plugin as processes."""
