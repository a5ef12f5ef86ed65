"""Pure: one intent in, Kubernetes objects out."""
