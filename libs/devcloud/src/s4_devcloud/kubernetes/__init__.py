"""A Kubernetes API server with one small cluster behind it, whose pods are processes of this machine."""
