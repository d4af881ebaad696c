"""How a client of either protocol sees that it is refused."""

from collections.abc import Awaitable
from typing import Any

from allmydata.storage.http_client import ClientException
from foolscap.api import RemoteException
from twisted.internet.defer import Deferred, FirstError

from support.spinning import spin

# What is said over Foolscap, and HTTP's status for it.
STATUS = {
    "the object store refuses": 500,
    "the object store does not answer": 503,
    "the share is damaged": 500,
    "no space left for uploads": 507,
    "no space left": 507,
    "wrong write enabler": 401,
    "Unauthorized write": 401,
    "no such upload any more": 404,
    "the storage server stops": 503,
}


def refused(asked: Awaitable[Any], seconds: float = 60) -> int:
    """The status with which it is refused, also over Foolscap, where it is said in words and nothing else."""

    async def waiting() -> int:
        try:
            await asked
        except ClientException as error:
            return int(error.code)
        except FirstError as error:  # of several reads over HTTPS
            return int(error.subFailure.value.code)
        except RemoteException as error:
            if isinstance(error.failure, str):  # Tahoe-LAFS' client knows what a 401 means
                return _status(error.failure)
            if isinstance(error.failure, tuple):  # of an upload over HTTPS, as the same client has it
                return int(error.failure[0])
            return _status(error.failure.getErrorMessage())
        raise AssertionError("it was not refused")

    status: int = spin(Deferred.fromCoroutine(waiting()), seconds)
    return status


def _status(words: str) -> int:
    return next(status for said, status in STATUS.items() if said in words)
