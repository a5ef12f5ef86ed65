"""I/O out: the shell around the core. It decides nothing."""
