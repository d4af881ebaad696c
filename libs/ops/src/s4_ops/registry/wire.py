"""One request to a registry."""

import http.client
import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from s4_runtime import Temporary

_PATIENCE = 60.0  # seconds, for one answer


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """A host that is asked over TLS, or in the clear where it is this machine."""

    def __init__(self, host: str, *, is_plain: bool | None = None) -> None:
        self._host = host
        self._is_plain = is_loopback(host) if is_plain is None else is_plain

    @classmethod
    def of(cls, url: str) -> Self:
        """The host of this URL. In the clear only where that is this machine."""
        return cls(urlsplit(url).netloc)

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """The answer. Raises Temporary when none comes."""
        line = self._line()
        try:
            line.request(method, path, body, dict(headers))
            answer = line.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read())
        except (OSError, http.client.HTTPException):
            raise Temporary("registry-unreachable", registry=self._host) from None
        finally:
            line.close()

    def _line(self) -> http.client.HTTPConnection:
        if self._is_plain:
            return http.client.HTTPConnection(self._host, timeout=_PATIENCE)
        return http.client.HTTPSConnection(self._host, timeout=_PATIENCE, context=ssl.create_default_context())


def is_loopback(host: str) -> bool:
    """Whether the host, with or without a port, is this machine."""
    name = host.rpartition(":")[0] if ":" in host else host
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
