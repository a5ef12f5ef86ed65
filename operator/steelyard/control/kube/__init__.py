"""The way to the API server, and the cluster as it was last seen."""
