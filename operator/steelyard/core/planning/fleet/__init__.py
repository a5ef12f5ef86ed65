"""The solver of the whole fleet: column generation with a certified bound, exact for few workloads."""
