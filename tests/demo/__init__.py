"""`make demo`: what the cluster tool's cluster needs before `steelyard demo` can tell its story on it."""
