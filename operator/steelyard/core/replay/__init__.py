"""A decision as it is recorded, read back, made again and compared."""
