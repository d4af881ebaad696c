"""How events travel over RabbitMQ."""
