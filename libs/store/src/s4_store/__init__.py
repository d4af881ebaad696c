"""How state and messages commit together in PostgreSQL."""

from asyncpg import Record

from s4_store.errors import DatabaseConflict, DatabaseUnavailable
from s4_store.lease import LeaseLost, Leases
from s4_store.migrate import migrate, require_migrated
from s4_store.pool import Pool
from s4_store.transaction import Transaction
from s4_store.wakeup import Wakeup, notify

__all__ = [
    "DatabaseConflict",
    "DatabaseUnavailable",
    "LeaseLost",
    "Leases",
    "Pool",
    "Record",
    "Transaction",
    "Wakeup",
    "migrate",
    "notify",
    "require_migrated",
]
