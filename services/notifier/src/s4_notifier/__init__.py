"""Decides what is said to whom, and says it once.

Events leave letters in this service's own rows; the postman takes them to the mail server until it has them.
The claim links in them are signed here and nowhere else.
"""
