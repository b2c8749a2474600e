"""What operators see of an agent: probes, metrics, its state, its log.

logs       lines as text or JSON
record     what happened, counted while it happens
lag        how long a change takes
proven     what is in force, and what fails
gauges     how it stands, read when somebody asks
checks     is it alive, is it ready
status     all of it, for `ryu-netpol status`
pages      which path answers what
server     HTTP
health     all of these, put together
"""
