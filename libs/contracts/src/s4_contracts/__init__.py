"""What the services say to each other: one struct per event version."""
