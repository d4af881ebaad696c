"""What a browser sees: the payment page, alone or in a frame, and the stand-in for Stripe.js."""
