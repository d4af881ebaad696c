"""A new release of the node, brought to the grids of a pool: a few first, then more at a time, each of them proved."""
