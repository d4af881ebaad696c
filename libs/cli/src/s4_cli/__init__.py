"""What operators type. It speaks to the services' operator listeners over HTTP and holds nothing itself."""
