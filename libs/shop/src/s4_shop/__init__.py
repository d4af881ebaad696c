"""The whole system on one machine: install, start, watch, stop, demonstrate."""
