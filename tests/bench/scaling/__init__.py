"""A large fleet on a real API server: what is played of it, how it is written there, and what is measured of the operator beside it."""
