"""The storage server whose shares are objects in a bucket; every answer is a Deferred."""
