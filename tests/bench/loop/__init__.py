"""Worlds of the benchmark `closed_loop`, who is run in them, and the least that anybody who knows the rates would pay there."""
