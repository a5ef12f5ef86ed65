"""Faults on purpose: what the operator does when the API server, its metrics, its targets or its own process fail."""
