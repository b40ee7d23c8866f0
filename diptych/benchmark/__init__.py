"""Benchmarks: every method on identical features, splits and measures, and what may be concluded from them."""
