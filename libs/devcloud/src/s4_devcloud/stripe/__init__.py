"""Stripe over its own wire: API, checkout page, Stripe.js and webhooks, for development and tests.

Nothing here is imported by a service. A service is given this server's address and a test key, and cannot tell
the difference within the slice of the API that README.md lists. What is outside the slice answers in Stripe's
error shape and is counted, so that a suite can insist on a count of zero.
"""
