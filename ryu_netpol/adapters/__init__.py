"""The outside world: OpenFlow, OVSDB, the cluster, the node. One module (or family of modules) per neighbour."""
