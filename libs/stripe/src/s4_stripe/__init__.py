"""Stripe as S4 uses it. Nothing here knows what S4 sells; nothing else imports the SDK."""
