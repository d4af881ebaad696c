"""Grids, hosts and identities."""
