"""allmydata.test.test_system: whole grids of stock clients and introducers, the shares of each node in a bucket."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from s4_node.s3.bucket import Bucket
from s4_node.s3.values import Store
from support.tahoe_suites import NOT_OURS, nodes_in_a_bucket, settings
from support.their_tests import their_tests

theirs = their_tests("test_system")

pytestmark = [pytest.mark.filterwarnings(*NOT_OURS), pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(autouse=True)
def _ours(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SharesOnDisk, "store", store, raising=False)
    with nodes_in_a_bucket(store, monkeypatch):
        yield


class SharesOnDisk:
    """For what looks at share files, and damages them: the objects are copied to where the disk backend has files."""

    store: Store
    numclients: int
    getdir: Callable[[str], str]

    def copy_shares(self) -> None:
        for node in self.nodes():
            bucket = Bucket(settings(self.store, node).store)
            for stat in bucket.list("shares/"):
                path = node / "storage" / stat.key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(bucket.get(stat.key).body)

    def put_back(self, share: Path) -> None:
        [node] = [node for node in self.nodes() if node.absolute() in share.absolute().parents]
        key = share.absolute().relative_to(node.absolute() / "storage")
        Bucket(settings(self.store, node).store).put(str(key), share.read_bytes())

    def nodes(self) -> list[Path]:
        return [Path(self.getdir(f"client{number}")) for number in range(self.numclients)]

    def _find_all_shares(self, folder: str) -> Any:
        self.copy_shares()
        return super()._find_all_shares(folder)  # type: ignore[misc]  # of SystemTest

    def _test_runner(self, result: object) -> Any:
        self.copy_shares()
        return super()._test_runner(result)  # type: ignore[misc]  # of SystemTest

    def _corrupt_mutable_share(self, share: str, what: str) -> None:
        super()._corrupt_mutable_share(share, what)  # type: ignore[misc]  # of SystemTest
        self.put_back(Path(share))


def on_disk(tests: type) -> type:
    return type(tests.__name__, (SharesOnDisk, tests), {"__module__": __name__})


SystemTest = on_disk(theirs.SystemTest)
HTTPSystemTest = on_disk(theirs.HTTPSystemTest)
Connections = theirs.Connections
HTTPConnections = theirs.HTTPConnections
