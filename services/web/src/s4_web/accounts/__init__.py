"""Accounts: what billing and events say of them, and who may see them."""
