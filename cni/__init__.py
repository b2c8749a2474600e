"""The CNI plugin of ryu-netpol: attaches a pod to the node's Open vSwitch bridge, closed until its policy is in force.

Only the standard library is imported here, because the plugin runs with whatever Python (3.9 or later) the node has and
is started anew for every pod. ``cni.contract`` is the one module that the agent shares.
"""
