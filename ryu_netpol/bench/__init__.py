"""The benchmarks: workloads with targets, each beside a peer in the same run (docs/performance.md)."""
