"""A client of S3 for one bucket: few operations, conditional writes, in threads; it knows nothing of Tahoe-LAFS."""
