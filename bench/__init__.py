"""Benchmarks on the product's real path, beside its peers: one file a benchmark; sizes.py says how much each does."""
