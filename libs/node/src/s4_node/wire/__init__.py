"""The two protocols by which unmodified Tahoe-LAFS clients reach the storage server."""
