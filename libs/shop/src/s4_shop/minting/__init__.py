"""Secrets of an installation for development, newly made and fitting each other."""
