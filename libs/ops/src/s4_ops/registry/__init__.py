"""A registry of images, spoken to over its HTTP API."""
