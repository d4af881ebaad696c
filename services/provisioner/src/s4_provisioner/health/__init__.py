"""How hosts and grids are: looked at, judged, replaced or mended, and left alone where too much fails at once."""
