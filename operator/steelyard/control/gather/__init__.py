"""Objects of the cluster as the core sees them."""
