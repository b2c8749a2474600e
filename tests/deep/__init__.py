"""Long runs on random clusters, `make test-deep`: what `make test` tries on hundreds is tried on a hundred thousand.

Not collected by pytest. `python -m tests.deep --help` has the settings; the seed of every difference is printed, and
`python -m tests.deep flows --seed N` shows it again, with the manifests of its cluster.
"""
