"""What the command ``s4`` asks for here: queues, parked messages, and every event that was told."""
