"""A world of queues, delays and faults in virtual time that drives the same core."""
