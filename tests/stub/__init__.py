"""Nodes and servers that are played: real objects in a real API server, without containers. For tests of the shell."""
