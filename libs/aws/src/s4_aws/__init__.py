"""AWS as S4 uses it. Nothing in it knows what a grid is."""
