"""A customer buys a grid through the public pages and uses it."""
