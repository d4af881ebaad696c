"""One module per resource of the API: its routes, its handlers and the shape of its objects."""
