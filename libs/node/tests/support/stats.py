"""Objects as listings show them."""

from datetime import UTC, datetime

from s4_node.s3.values import Stat

A_DAY = datetime(2026, 5, 1, tzinfo=UTC)


def a_stat(key: str, size: int = 100, etag: str = '"e"') -> Stat:
    return Stat(key, size, etag, A_DAY)
