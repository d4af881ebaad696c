"""What S3 costs, and a customer to reckon with. The one place for both."""

from dataclasses import dataclass

# "Amazon S3 pricing", S3 Standard, US East (N. Virginia), US dollars; transfer to EC2 in the same region is free
PER_GB_MONTH = 0.023  # the first 50 TB
PER_1000_WRITES = 0.005  # PUT, COPY, POST, LIST
PER_1000_READS = 0.0004  # GET and all others; DELETE is free
GB = 10**9


@dataclass(frozen=True)
class Customer:
    """What a customer has stored, and does in a month. Assumptions, not measurements."""

    stored_bytes: int = 250 * GB
    large_put_bytes: int = 50 * GB  # in files of 100 MiB: backups, photographs, films
    large_got_bytes: int = 25 * GB
    small_files_put: int = 30_000  # of 10 KiB: a thousand a day
    small_files_got: int = 15_000
    mutable_updates: int = 10_000  # directories are mutable files: one for each change in a directory
    mutable_reads: int = 20_000
