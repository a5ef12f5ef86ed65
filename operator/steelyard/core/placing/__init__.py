"""Where a workload runs, and with how many replicas: one decision from one snapshot."""
