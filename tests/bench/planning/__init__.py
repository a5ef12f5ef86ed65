"""Random fleets, and a checker that shares nothing with the solver."""
