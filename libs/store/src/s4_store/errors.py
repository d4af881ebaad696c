"""What can go wrong at the database, in our words."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from s4_runtime import Temporary

_GONE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
_CONFLICT = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)


class DatabaseUnavailable(Temporary):
    """The database cannot be reached, or went away in the middle. What was not committed is undone."""

    def __init__(self) -> None:
        super().__init__("database-unavailable")


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
    """Errors of the connection leave as DatabaseUnavailable, deadlocks as DatabaseConflict; all others as they are."""
    try:
        yield
    except TimeoutError:
        raise DatabaseTimeout from None
    except _GONE:
        raise DatabaseUnavailable from None
    except _CONFLICT:
        raise DatabaseConflict from None
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
