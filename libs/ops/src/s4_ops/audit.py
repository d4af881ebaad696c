"""What operators did to an installation by commands that no service carries out: lines of JSON, only ever added to."""

import fcntl
import getpass
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from s4_runtime import Clock, Permanent, SystemClock, Trouble, new_id
from s4_runtime.redaction import redact

# Where it is unless S4_AUDIT_FILE says otherwise (XDG Base Directory Specification: state of a user's programs).
_PLACE = Path("s4") / "audit.jsonl"


def audit_file(environ: Mapping[str, str]) -> Path:
    """The file that deeds of this operator are written to."""
    if named := environ.get("S4_AUDIT_FILE"):
        return Path(named)
    state = environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / _PLACE


def operator(environ: Mapping[str, str]) -> str:
    """Who does it: the name in S4_OPERATOR, else that of the account on this machine."""
    return environ.get("S4_OPERATOR") or getpass.getuser()


def audited(
    command: str, *, what: str, note: str, environ: Mapping[str, str] = os.environ, clock: Clock | None = None
) -> "Audited":
    """The deed in a ``with`` is on record: a line says that it began, another how it ended.

    A deed without its end was killed. Nothing is done that cannot be written down first: raises Permanent.
    """
    deed = {"deed": new_id(), "command": command, "who": operator(environ), "what": what, "note": note}
    return Audited(audit_file(environ), clock or SystemClock(), deed)


class Audited:
    """A deed, from before it begins until after it ended."""

    def __init__(self, file: Path, clock: Clock, deed: Mapping[str, str]) -> None:
        self._file = file
        self._clock = clock
        self._deed = deed
        self._facts: dict[str, object] = {}

    def learned(self, **facts: object) -> None:
        """Say with the end of the deed what became known while it was done."""
        self._facts.update(facts)

    def __enter__(self) -> Self:
        """It is on record that the deed begins."""
        self._write("began", {})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """It is on record how the deed ended. An error's text is not, only its code or class."""
        if kind is None or (isinstance(error, SystemExit) and error.code in {None, 0}):
            self._write("done", self._facts)
        else:
            code = error.code if isinstance(error, Trouble) else kind.__name__
            with suppress(Permanent):  # that the deed failed matters more than that the file is full
                self._write("failed", {**self._facts, "code": code})

    def _write(self, outcome: str, facts: Mapping[str, object]) -> None:
        told = {"at": self._clock.now().isoformat(), "outcome": outcome, **self._deed, **facts}
        try:
            _append(self._file, json.dumps(redact(told), default=str).encode() + b"\n")
        except OSError as trouble:
            raise Permanent("audit-not-writable", file=str(self._file), errno=trouble.errno or 0) from None


def recorded(file: Path) -> list[dict[str, object]]:
    """Every line, oldest first. One that was cut off when its writer was killed is left out."""
    if not file.exists():
        return []
    return [told for line in file.read_bytes().splitlines() if (told := _line(line)) is not None]


def _line(line: bytes) -> dict[str, object] | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _append(file: Path, line: bytes) -> None:
    """The line is on the disk, whole and on a line of its own, whoever else writes."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b", 0) as trail:
        fcntl.flock(trail, fcntl.LOCK_EX)
        size = trail.seek(0, os.SEEK_END)
        if size and os.pread(trail.fileno(), 1, size - 1) != b"\n":
            line = b"\n" + line
        rest = memoryview(line)
        while rest:
            rest = rest[trail.write(rest) or 0 :]
        os.fsync(trail.fileno())
        if not size:
            _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
