"""Compiling one real model for every back end that runs here, for the benchmarks `compile` and `accuracy`."""
