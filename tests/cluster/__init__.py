"""A real Kubernetes for development, the demo and the tests: `python -m cluster --help`.

The control plane and every node are processes on this Linux machine, in namespaces of their own: no container engine and no virtual
machine. Where a container engine runs, `CLUSTER=kind` uses kind instead, and `CLUSTER=existing` uses the current kubeconfig.
"""
