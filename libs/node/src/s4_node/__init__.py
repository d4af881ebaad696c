"""The machine side of S4, built on Tahoe-LAFS."""
