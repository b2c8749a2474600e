"""L5: one file per command; each has add_parser() and run(args) -> exit code."""
