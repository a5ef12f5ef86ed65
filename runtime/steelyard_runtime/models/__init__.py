"""Where a model comes from (S3, PVC, the model hub, a registry, file), and the digest that says it is the right one."""
