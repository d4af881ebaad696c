"""Which releases were brought to an environment, kept there: the ConfigMap s4-releases."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from s4_ops.deploy.kubectl import Kubectl, Object
from s4_ops.images.release import Release
from s4_runtime import Permanent

NAME = "s4-releases"
_MOST = 20  # records; releases are a few KiB, a ConfigMap holds a MiB
State = Literal["deploying", "done", "failed", "rolling-back", "rolled-back"]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to bring a release. `signature` is that of `text`, the release file as it was."""

    text: str
    signature: str
    state: State
    started_at: datetime
    ended_at: datetime | None = None
    by: str = ""
    because: str = ""
    why: str = ""

    @property
    def release(self) -> Release:
        """What was brought."""
        return msgspec.json.decode(self.text.encode(), type=Release)

    @property
    def is_open(self) -> bool:
        """Whether it was neither finished nor given up."""
        return self.state in {"deploying", "rolling-back"}


class Records:
    """The records of one namespace, newest first."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def all(self) -> list[Record]:
        """Every record that is kept. Raises Permanent when somebody changed them into something else."""
        return _read(self._kubectl.get("configmap", NAME))

    def latest(self) -> Record | None:
        """The newest."""
        return next(iter(self.all()), None)

    def served(self) -> Record | None:
        """The newest that was finished: what runs, unless one is open."""
        return next((record for record in self.all() if record.state == "done"), None)

    def add(self, record: Record) -> None:
        """The record is the newest."""
        self._write(lambda found: [record, *found])

    def change(self, record: Record) -> None:
        """The newest record, which is of the same attempt, says this now."""
        self._write(lambda found: [record, *found[1:]])

    def _write(self, changed: Callable[[list[Record]], list[Record]]) -> None:
        live = self._kubectl.get("configmap", NAME)
        kept = _bounded(changed(_read(live)))
        wanted = {"history": msgspec.json.format(msgspec.json.encode(kept)).decode()}
        if live is None:
            about = {"app.kubernetes.io/part-of": "s4", "app.kubernetes.io/managed-by": "s4-deploy"}
            meta = {"name": NAME, "namespace": self._kubectl.namespace, "labels": about}
            is_written = self._kubectl.create(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": wanted}
            )
        else:
            is_written = self._kubectl.replace({**live, "data": wanted})
        if not is_written:
            raise Permanent("records-changed-meanwhile", configmap=NAME)


def _bounded(records: list[Record]) -> list[Record]:
    """The newest; and the last that was finished, however old."""
    kept = records[:_MOST]
    finished = next((record for record in records if record.state == "done"), None)
    return kept if finished is None or finished in kept else [*kept[:-1], finished]


def _read(live: Object | None) -> list[Record]:
    try:
        return msgspec.json.decode((live or {}).get("data", {}).get("history", "[]"), type=list[Record])
    except msgspec.DecodeError:
        raise Permanent("records-unreadable", configmap=NAME) from None
