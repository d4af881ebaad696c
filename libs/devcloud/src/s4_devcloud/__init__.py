"""A local cloud for development: AWS with real machines, Stripe and mail over their wire protocols."""
