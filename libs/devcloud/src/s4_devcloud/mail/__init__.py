"""A mail server that keeps what it is given: SMTP with STARTTLS and AUTH, and a small web inbox."""
