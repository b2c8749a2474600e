"""L0: values. What a cluster is, before anybody asks what it means; no clock, no logging, no I/O."""
