"""What comes back: where it is to come to, how it is read, and what becomes of it."""
