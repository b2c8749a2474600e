"""The one package that names the framework: os-ken with threads, or Ryu 4.34 with eventlet, which is its older name.

`stack` says which of them, `framework` imports it and gives its names one spelling, `hubs` runs its code, `messages`
are what it hands on unread, and `server` listens and serves connections. Above `hubs` nothing knows which one it is.

What the framework does for us: handshake, echo, dispatching of events to the application. What it does not: writing and
reading flows. Its objects are too slow, and its parser does not know all our fields; so whole messages pass in both
directions as bytes.
"""
