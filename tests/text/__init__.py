"""A real vLLM on the cluster: its image takes ten minutes to build, and it takes two to start, so this is for `make test-long`."""
