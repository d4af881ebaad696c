"""Container images: built, listed, signed and verified."""
