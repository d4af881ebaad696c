"""A real Tahoe-LAFS client, for as long as it takes to store a file in a grid and to read it back."""
