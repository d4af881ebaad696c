"""What compose.yaml runs beside the services: secrets, databases, a zone, a demonstration, a client."""
