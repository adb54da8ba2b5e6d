"""The native engine: a real Kubernetes node in namespaces of its own, without Docker."""
