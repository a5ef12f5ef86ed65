"""What `latency` predicts, and what predicts it."""
