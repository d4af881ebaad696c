"""What owners decide for themselves: their address, their letters, a pause, taking everything along, erasing it."""
