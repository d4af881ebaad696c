"""What an owner's clients are told: commands to type, settings to load, codes to scan."""
