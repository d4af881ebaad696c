"""Invites that outlive every process: codes by which a client fetches the settings of its grid, once."""
