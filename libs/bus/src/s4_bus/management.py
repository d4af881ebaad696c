"""The broker's management API, for the one thing that is told to it: what there is to be."""

from __future__ import annotations

import base64
import json
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import unquote, urlsplit

from s4_bus.definitions import Definitions
from s4_bus.topology import edition
from s4_runtime import Permanent, Temporary

_TIMEOUT = 60.0  # seconds; dozens of quorum queues on three nodes


class ManagementUnavailable(Temporary):
    """The management API cannot be reached, or is not ready."""


def apply(url: str, *documents: Definitions, cafile: str | None = None) -> None:
    """The broker has all of these. ``url`` holds user and password. Done twice it changes nothing.

    The edition comes last: whoever sees it may rely on all the rest. Raises ManagementUnavailable, or Permanent when
    the broker refuses.
    """
    for document in documents:
        exchanges = document.get("exchanges", [])
        last = [each for each in exchanges if each["name"] == edition()]
        _post(url, document | {"exchanges": [each for each in exchanges if each not in last]}, cafile)
        if last:
            _post(url, {"exchanges": last}, cafile)


def _post(url: str, document: Definitions, cafile: str | None) -> None:
    at = urlsplit(url)
    pair = base64.b64encode(f"{unquote(at.username or '')}:{unquote(at.password or '')}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/json"}
    connection = _connection(at.scheme, at.hostname or "", at.port, cafile)
    try:
        connection.request("POST", "/api/definitions", json.dumps(document), headers)
        status = connection.getresponse().status
    except (OSError, HTTPException):
        raise ManagementUnavailable("management-unavailable") from None
    finally:
        connection.close()
    if status >= 500:
        raise ManagementUnavailable("management-unavailable", status=status)
    if status >= 300:
        raise Permanent("definitions-refused", status=status)


def _connection(scheme: str, host: str, port: int | None, cafile: str | None) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(host, port, timeout=_TIMEOUT, context=ssl.create_default_context(cafile=cafile))
    return HTTPConnection(host, port, timeout=_TIMEOUT)
