import asyncpg
import pytest

from s4_runtime import Temporary
from s4_store import DatabaseConflict, DatabaseUnavailable
from s4_store.errors import DatabaseTimeout, database_errors


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (ConnectionRefusedError("to postgresql://s4:secret@host"), DatabaseUnavailable),
        (asyncpg.ConnectionDoesNotExistError("gone"), DatabaseUnavailable),
        (asyncpg.CannotConnectNowError("starting up"), DatabaseUnavailable),
        (asyncpg.AdminShutdownError("terminating"), DatabaseUnavailable),
        (asyncpg.InterfaceError("connection is closed"), DatabaseUnavailable),
        (
            asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
            DatabaseUnavailable,
        ),
        (asyncpg.DeadlockDetectedError("deadlock"), DatabaseConflict),
        (asyncpg.SerializationError("could not serialize"), DatabaseConflict),
        (TimeoutError(), DatabaseTimeout),
    ],
)
def test_what_heals_by_itself_is_temporary_and_says_nothing_of_the_address(
    error: Exception, ours: type[Temporary]
) -> None:
    with pytest.raises(ours) as raised, database_errors():
        raise error
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError("twice"),
        asyncpg.InterfaceError("the server expects 2 arguments"),
        asyncpg.InternalClientError("unknown protocol state"),
    ],
)
def test_what_does_not_heal_is_left_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, database_errors():
        raise error
    assert raised.value is error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (asyncpg.InvalidCatalogNameError('database "web" does not exist'), "database-missing"),
        (asyncpg.InvalidPasswordError("for user"), "database-login-refused"),
        (asyncpg.InvalidAuthorizationSpecificationError("no entry in pg_hba.conf"), "database-login-refused"),
        (asyncpg.DiskFullError("could not extend file"), "database-full"),
        (asyncpg.OutOfMemoryError("out of memory"), "database-out-of-memory"),
        (asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT"), "database-read-only"),
    ],
)
def test_a_database_that_refuses_us_is_waited_for_and_says_why(error: Exception, code: str) -> None:
    with pytest.raises(DatabaseUnavailable) as raised, database_errors():
        raise error
    assert str(raised.value) == code
