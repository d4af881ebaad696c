"""Bringing a release to staging or production, and back."""
