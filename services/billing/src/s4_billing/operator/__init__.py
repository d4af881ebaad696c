"""What operators ask of billing, on a listener of its own that no customer reaches."""
