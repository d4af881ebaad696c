"""How a service starts, reports and stops."""
