"""Benchmarks: one module each, with one table, one picture, and the bars they are held to."""

import steelyard  # noqa: F401 - before numpy: it says how many threads that may have
