"""Policies that others use, one a file."""
