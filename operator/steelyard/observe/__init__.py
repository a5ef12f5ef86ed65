"""I/O in: every reading leaves here as fresh, stale or unknown."""
