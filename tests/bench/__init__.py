"""Benchmarks: one module each, with one table, one picture, and the bars they are held to."""
