"""Worlds of the benchmark `verdicts`, and how one is played."""
