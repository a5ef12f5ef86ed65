"""The generator of crds/. It stands beside the models; nothing that the operator runs imports it."""
