"""What kubectl renders from k8s/, and what must be true of it."""

from support.manifests.rendering import K8S, Manifests, Object, in_environment, render

__all__ = ["K8S", "Manifests", "Object", "in_environment", "render"]
