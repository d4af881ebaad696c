"""What a bare machine needs before anything else of this repository can run.

Only the standard library is imported here: `tools/bootstrap.py` runs these modules with the system's own Python.
"""
