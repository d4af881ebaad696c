"""The status of the service, as anybody may read it: worked out from events, and never about one customer."""
