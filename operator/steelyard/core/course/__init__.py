"""The course of one workload's placement: where, how many, and which move."""
