"""What S3 refuses, in the words that the storage server decides by. No text of S3's gets in: it may hold keys."""


class S3Error(Exception):
    """S3 did not do what it was asked; `code` is its own, `status` HTTP's (0: there was no answer)."""

    def __init__(self, operation: str, code: str, status: int = 0, detail: str = "") -> None:
        super().__init__(f"{operation}: {code}" + (f" ({detail})" if detail else ""))
        self.operation, self.code, self.status = operation, code, status


class Missing(S3Error):
    """There is no such object, or no such upload any more."""


class BucketMissing(S3Error):
    """There is no such bucket."""


class ConditionFailed(S3Error):
    """The object is not as the condition said: somebody else has written it (412), or writes it now (409)."""


class Forbidden(S3Error):
    """The credentials do not reach: wrong, revoked, expired or without the right."""


class NoCredentials(Forbidden):
    """There are no credentials at all where they were looked for."""


class ClockSkewed(S3Error):
    """This machine's clock differs from S3's by more than S3 accepts (15 minutes)."""


class WrongRegion(S3Error):
    """The bucket is in another region, or wants another address."""


class OutOfRange(S3Error):
    """The object has no byte where one was asked for (416)."""


class Unavailable(S3Error):
    """S3 had no answer, or only 5xx and SlowDown, until the time was up. Asked again later it may do it."""


class Damaged(S3Error):
    """What arrived is not what was sent: a wrong length, checksum or etag, however often it was tried."""
