"""HTTP to S3: one pool of connections for the whole process, no retries, errors as short codes."""

import os
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from s4_node.s3.addresses import Address

KEPT = 32  # idle connections kept for each host
SHORT = 64 * 2**10  # bytes of a body that is read in one go
HOSTS = 1000  # a bucket may be a host of its own


@dataclass(frozen=True)
class Answer:
    """What S3 answered; the names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Broken(Exception):
    """There was no whole answer. `final`: it would be the same again."""

    def __init__(self, code: str, *, final: bool = False) -> None:
        super().__init__(code)
        self.code, self.final = code, final


def exchange(
    address: Address,
    method: str,
    target: str,
    headers: Mapping[str, str],
    *,
    pieces: Iterable[memoryview | bytes] | None,
    silence: tuple[float, float],
    until: float,
) -> Answer:
    """The answer to one request, whole. Raises Broken.

    `silence`: the seconds that a connection may take to come about, and that S3 may say nothing after that.
    `until`: when, on the monotonic clock, a long body that comes in drops is given up.
    """
    pool = _manager(_proxy(address)).connection_from_host(address.host.strip("[]"), address.port, address.scheme)
    try:
        response = pool.urlopen(
            method,
            target,
            body=pieces,  # type: ignore[arg-type]  # urllib3 takes any iterable
            headers=headers,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(connect=silence[0], read=silence[1]),
        )
    except HTTPError as error:
        raise _broken(error) from None
    try:
        body = _body(response, until)
    except HTTPError as error:
        response.close()
        raise Broken("TimedOut" if isinstance(error, ReadTimeoutError) else "CutBody") from None
    response.release_conn()
    return Answer(response.status, {name.lower(): text for name, text in response.headers.items()}, body)


def _body(response: urllib3.BaseHTTPResponse, until: float) -> bytes:
    if (response.length_remaining or 0) <= SHORT:
        return response.read()
    pieces = []
    while piece := response.read1(2**20):
        pieces.append(piece)
        if time.monotonic() > until:
            response.close()
            raise Broken("TimedOut")
    return b"".join(pieces)


def _broken(error: HTTPError) -> Broken:
    match error:
        case NameResolutionError():
            return Broken("NameNotFound")
        case ProxyError():
            return Broken("ProxyFailed")
        case ConnectTimeoutError() | NewConnectionError():
            return Broken("NotConnected")
        case ReadTimeoutError():
            return Broken("TimedOut")
        case SSLError():
            refused = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args)
            return Broken("CertificateRefused" if refused else "TlsFailed", final=refused)
        case _:
            return Broken("ConnectionLost")


def _proxy(address: Address) -> str:
    if address.scheme != "https" or proxy_bypass(address.host):
        return ""
    return getproxies().get("https", "")


@cache
def _manager(proxy: str) -> urllib3.PoolManager:
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
    if proxy:
        return urllib3.ProxyManager(proxy, num_pools=HOSTS, maxsize=KEPT, ssl_context=context)
    return urllib3.PoolManager(num_pools=HOSTS, maxsize=KEPT, ssl_context=context)
