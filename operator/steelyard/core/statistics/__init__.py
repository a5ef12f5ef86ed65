"""Intervals, sequential tests and histograms: numbers without a meaning of their own."""
