"""Everything Stripe."""
