"""Machines that grids run on."""
