"""Hosts as capacity: pools of them, each with a life of its own, on which grids are placed."""
