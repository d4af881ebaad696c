"""What a subscription costs and how it is collected, over its whole life."""
