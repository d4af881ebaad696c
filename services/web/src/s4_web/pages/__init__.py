"""One module per page; each gives its handlers to the route list in ``app``."""
