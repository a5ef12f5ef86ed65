"""What runs in the pods: compile, artifacts, serve, load. Never imports `steelyard`, nor the reverse."""
