"""Worlds of the benchmark `wrong_claims`, and the policies that are let loose in them."""
