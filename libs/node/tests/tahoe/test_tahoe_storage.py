"""allmydata.test.test_storage: the disk backend's own tests, the shares in a bucket."""

from pathlib import Path

import pytest

from s4_node.s3.values import Store
from support.applicable import applicable
from support.at_once import ServerAtOnce
from support.tahoe_suites import NOT_OURS
from support.their_tests import their_tests

theirs = their_tests("test_storage")

pytestmark = pytest.mark.filterwarnings(*NOT_OURS)

MDMFProxies = applicable(theirs, "MDMFProxies")
MutableServer = applicable(theirs, "MutableServer")
Server = applicable(theirs, "Server")
Stats = applicable(theirs, "Stats")


@pytest.fixture(autouse=True)
def _ours(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ServerAtOnce, "store", store, raising=False)
    monkeypatch.setattr(theirs, "StorageServer", ServerAtOnce)
    monkeypatch.setattr(theirs.Server.create, "__defaults__", (0, ServerAtOnce, None))
