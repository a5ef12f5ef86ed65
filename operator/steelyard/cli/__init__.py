"""`steelyard`, also as `kubectl steelyard`: needs only a kubeconfig."""
