"""How state and messages commit together in PostgreSQL."""
