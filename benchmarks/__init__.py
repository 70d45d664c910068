"""Measured tables, written by scripts; `python -m benchmarks` runs them all and writes RESULTS.md."""
