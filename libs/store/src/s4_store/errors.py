"""What can go wrong at the database, in our words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import asyncpg

from s4_runtime import Temporary
from s4_runtime.certificates import refused

_GONE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
# It answers, and refuses us for a reason that a person must see. Whoever waits does not hurt: it may be mended.
_REFUSALS: Mapping[type[BaseException], str] = MappingProxyType(
    {
        asyncpg.InvalidCatalogNameError: "database-missing",
        asyncpg.InvalidAuthorizationSpecificationError: "database-login-refused",  # a wrong password is one of these
        asyncpg.DiskFullError: "database-full",
        asyncpg.OutOfMemoryError: "database-out-of-memory",
        asyncpg.ReadOnlySQLTransactionError: "database-read-only",
        asyncpg.ObjectNotInPrerequisiteStateError: "database-closed",  # allow_connections is false
    }
)
_CONFLICT = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)


class DatabaseUnavailable(Temporary):
    """The database cannot be reached, refuses us, or went away in the middle. What was not committed is undone."""

    def __init__(self, code: str = "database-unavailable", **ids: str | int) -> None:
        super().__init__(code, retry_after=None, **ids)


class DatabaseConflict(Temporary):
    """Two transactions stood in each other's way and this one gave in. Trying again helps."""

    def __init__(self) -> None:
        super().__init__("database-conflict")


class DatabaseTimeout(Temporary):
    """A statement took longer than a statement may take."""

    def __init__(self) -> None:
        super().__init__("database-timeout")


@contextmanager
def database_errors() -> Iterator[None]:
    """An outage leaves as DatabaseUnavailable with its reason, a deadlock as DatabaseConflict; all else as it is."""
    try:
        yield
    except TimeoutError:
        raise DatabaseTimeout from None
    except _GONE as error:
        raise DatabaseUnavailable(_why(error)) from None
    except _CONFLICT:
        raise DatabaseConflict from None
    except tuple(_REFUSALS) as error:
        raise DatabaseUnavailable(next(code for kind, code in _REFUSALS.items() if isinstance(error, kind))) from None
    except asyncpg.InterfaceError as error:
        # asyncpg has no class of its own for a connection that was lost under a statement.
        if "closed" in str(error) or "released" in str(error):
            raise DatabaseUnavailable from None
        raise
    except asyncpg.InternalClientError as error:
        # A connection that was idle when the server ended it: the farewell is read, the end of the stream is not yet.
        if "another operation" in str(error):
            raise DatabaseUnavailable from None
        raise


def _why(error: BaseException) -> str:
    kind = refused(error)
    return f"database-{kind}" if kind else "database-unavailable"
