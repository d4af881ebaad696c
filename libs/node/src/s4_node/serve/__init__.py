"""One process that serves a grid: its introducer and its storage server."""
