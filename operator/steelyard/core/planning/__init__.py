"""The placement problem, its exact answer and the bound."""
