"""What good requests cost on the node groups of Cluster Autoscaler, as its gRPC expander."""
