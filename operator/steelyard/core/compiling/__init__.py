"""The compile key and what has to be compiled."""
