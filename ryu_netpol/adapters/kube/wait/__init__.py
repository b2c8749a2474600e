"""For `ryu-netpol wait`: asks an API server whether a policy is in force everywhere.

verdict   whether it is on one node, by what that node's agent told
rounds    what to ask, and when it is decided
reader    the questions
"""
