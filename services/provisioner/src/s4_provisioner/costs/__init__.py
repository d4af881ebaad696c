"""What each grid costs us, by prices in a file."""
