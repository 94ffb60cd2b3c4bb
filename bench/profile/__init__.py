"""Benches of the profiler: what it costs, what it finds, how well it advises."""
