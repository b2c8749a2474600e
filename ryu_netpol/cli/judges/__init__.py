"""The ways of judging probes, one module each, and what they have in common: they must agree on every probe."""
