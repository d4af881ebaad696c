"""A shop whose services have replicas, behind what does for them what a Kubernetes Service and Deployment do."""
