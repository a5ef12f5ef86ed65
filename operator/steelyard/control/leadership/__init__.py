"""At most one process writes: the Lease, and the fence that it opens."""
