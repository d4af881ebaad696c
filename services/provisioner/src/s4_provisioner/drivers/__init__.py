"""Where grids can be served: one module for each kind of host, behind one contract."""
