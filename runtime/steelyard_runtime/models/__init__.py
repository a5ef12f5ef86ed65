"""Where a model comes from (S3, PVC, file), and the digest that says it is the right one."""
