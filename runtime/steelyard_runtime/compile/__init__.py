"""Compiling a model for a target: one file a back end, one small protocol, one job."""
