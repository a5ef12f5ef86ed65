"""A world of queues, delays and faults that drives the same core (comes with its own issue)."""
