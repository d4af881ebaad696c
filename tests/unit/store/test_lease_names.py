import pytest

from s4_store import Leases


@pytest.mark.parametrize(("table", "key"), [("grids; drop table grids", "id"), ("grids", "id = id --"), ("", "id")])
def test_only_plain_names_are_put_into_sql(table: str, key: str) -> None:
    with pytest.raises(ValueError, match="plain SQL names"):
        Leases(table=table, key=key)
