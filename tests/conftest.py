"""The cluster's fixtures for every test; only those that ask for them pay."""

pytest_plugins = ["cluster.fixtures"]
