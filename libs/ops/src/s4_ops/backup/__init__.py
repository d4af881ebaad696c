"""Everything that must survive, and how it comes back."""
