"""Open-loop load: Poisson arrivals, latency from the intended time, a log line for every request."""
