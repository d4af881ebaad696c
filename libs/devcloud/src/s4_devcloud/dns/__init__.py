"""An authoritative DNS server for what the emulated Route 53 has."""
