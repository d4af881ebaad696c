"""The public site: pages, forms, live status and the claim of the furl."""
