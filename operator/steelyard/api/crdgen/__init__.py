"""The generator of crds/ and docs/reference/api.md. It stands beside the models; nothing that the operator runs imports it."""
