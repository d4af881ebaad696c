"""A grid's things at AWS besides its machine: bucket, role, name."""
