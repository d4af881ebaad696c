"""What happened to a customer, across all services, for the operators who help them."""
