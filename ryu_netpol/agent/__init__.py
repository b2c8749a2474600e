"""L3: the agent as a function of events: no sockets, no clock, no log. See core.py."""
