"""From claim to measurement: capacity and latency of a (workload, pool), with uncertainty."""
