"""Machines that are rows: one process answers SSH for thousands of them, and keeps their grids in memory."""
