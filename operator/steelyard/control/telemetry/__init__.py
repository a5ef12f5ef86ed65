"""What is told: events, metrics, the decision log, the costs of nodes, and whether the process is well."""
