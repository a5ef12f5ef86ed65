"""The exit drill of a workload: when one is due, which pool it tries, and what it proves."""
