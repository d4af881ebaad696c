"""Puts grids on a host and takes them off again; imports nothing of Tahoe-LAFS, so that it starts at once."""
