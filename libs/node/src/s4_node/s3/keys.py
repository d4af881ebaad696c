"""The keys that requests are signed with, read again whenever they may have changed.

All buckets of a process that name the same source share one: machines hand out keys slowly, and not to all at once.
"""

import os
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from botocore.credentials import SharedCredentialProvider
from botocore.exceptions import BotoCoreError, ClientError

_UNANSWERED = (BotoCoreError, ClientError, OSError)  # of a file, a metadata service or STS
REST_SECONDS = 5.0  # after a search in vain: it may have asked the machine's metadata service, which may be slow


class Keys(NamedTuple):
    """As botocore's signer wants them."""

    access_key: str
    secret_key: str
    token: str | None

    def __repr__(self) -> str:
        """Nothing: they are secrets."""
        return "Keys(...)"


class KeysMissing(Exception):
    """There are none, or their source does not answer; `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Found(NamedTuple):
    credentials: object  # botocore's, of any kind
    files: tuple[Path, ...]  # that they may be from


Search = Callable[[], _Found]


class KeySource:
    """One source of keys; thread-safe. Keys once found stay in use until there are others: S3 judges them."""

    def __init__(self, search: Search, rest_seconds: float = REST_SECONDS) -> None:
        self._search, self._rest_seconds = search, rest_seconds
        self._lock = threading.Lock()
        self._found: _Found | None = None
        self._state: tuple[object, ...] = ()
        self._last: Keys | None = None
        self._resting_until = 0.0

    def current(self) -> Keys:
        """The keys as they are now. Raises KeysMissing."""
        with self._lock:
            if self._found is None:
                self._look()
            elif self._state != _state(self._found.files):
                self._resting_until = 0.0
                self._look()
            return self._frozen()

    def newer_than(self, used: Keys) -> bool:
        """Whether there are other keys than the used ones, which S3 refused; looks for them everywhere again."""
        with self._lock:
            try:
                if self._frozen() == used and time.monotonic() >= self._resting_until:
                    self._look()
                    if self._frozen() == used:
                        self._rest()
                return self._frozen() != used
            except KeysMissing:
                return False

    def _look(self) -> None:
        if time.monotonic() < self._resting_until:
            raise KeysMissing("NoCredentials")
        try:
            found, code = self._search(), "NoCredentials"
        except _UNANSWERED as error:
            found, code = _Found(None, ()), type(error).__name__
        if found.credentials is not None:
            self._found, self._state = found, _state(found.files)
            return
        self._rest()
        if self._found is None:
            raise KeysMissing(code)
        self._state = _state(self._found.files)  # the file is being written, or is gone

    def _frozen(self) -> Keys:
        if self._found is None:
            raise KeysMissing("NoCredentials")
        if self._last is not None and time.monotonic() < self._resting_until:
            return self._last
        try:
            frozen = self._found.credentials.get_frozen_credentials()  # type: ignore[attr-defined]  # botocore's
        except _UNANSWERED as error:
            self._rest()
            if self._last is None:
                raise KeysMissing(type(error).__name__) from None
            return self._last
        self._last = Keys(frozen.access_key, frozen.secret_key, frozen.token)
        return self._last

    def _rest(self) -> None:
        self._resting_until = time.monotonic() + self._rest_seconds


@lru_cache(maxsize=1024)
def key_source(where: str) -> KeySource:
    """The process' one source for `chain`, `profile:NAME` or `file:PATH`."""
    kind, _, name = where.partition(":")
    if kind == "file":
        return KeySource(lambda: _in_file(Path(name)), rest_seconds=0.0)
    return KeySource(lambda: _in_chain(name or None))


def _in_file(path: Path) -> _Found:
    provider = SharedCredentialProvider(creds_filename=str(path), profile_name="default")
    return _Found(provider.load(), (path,))


def _in_chain(profile: str | None) -> _Found:
    from botocore.session import Session

    session = Session(profile=profile)
    session.set_config_variable("metadata_service_num_attempts", 3)
    session.set_config_variable("metadata_service_timeout", 2)
    names = (session.get_config_variable("credentials_file"), session.get_config_variable("config_file"))
    files = tuple(Path(name).expanduser() for name in names if name)
    return _Found(session.get_credentials(), files)


def _state(files: tuple[Path, ...]) -> tuple[object, ...]:
    return tuple(_state_of(file) for file in files)


def _state_of(file: Path) -> tuple[int, int, int] | None:
    try:
        stat = os.stat(file)  # noqa: PTH116  on the way of every request, and twice as fast
    except OSError:
        return None
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)
