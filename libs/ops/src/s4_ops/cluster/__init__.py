"""Kubernetes clusters: made, checked, upgraded, resized and deleted."""
