"""Where a service's operator listener is, and the token of who asks."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from s4_runtime import Permanent, Secret

# Written by the local run for its own operator; looked for here and in the folders above.
LOCAL = Path(".s4") / "shop" / "secrets" / "operator.json"


class Access(msgspec.Struct, frozen=True):
    """One service's operator listener."""

    url: str
    token: Secret


def access(service: str, environ: Mapping[str, str], folder: Path) -> Access:
    """The access to a service: the one that the environment names, else the local run's. Raises Permanent.

    The environment: S4_BILLING_OPERATOR_URL, with S4_OPERATOR_TOKEN or S4_OPERATOR_TOKEN_FILE.
    """
    named = f"S4_{service.upper()}_OPERATOR_URL"
    if url := environ.get(named):
        return Access(url.rstrip("/"), _token(environ))
    for path in _places(environ, folder):
        if path.is_file():
            return _read(path, service)
    raise Permanent("no-operator-access", set=f"{named} and S4_OPERATOR_TOKEN_FILE", or_start="make up")


def _read(path: Path, service: str) -> Access:
    try:
        told = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        return Access(told[service], Secret(told["token"]))
    except (OSError, KeyError, msgspec.DecodeError):
        raise Permanent("operator-access-unreadable", file=str(path)) from None


def _token(environ: Mapping[str, str]) -> Secret:
    if path := environ.get("S4_OPERATOR_TOKEN_FILE"):
        try:
            return Secret(Path(path).read_text(encoding="utf-8").strip())
        except OSError:
            raise Permanent("operator-token-unreadable", variable="S4_OPERATOR_TOKEN_FILE") from None
    if token := environ.get("S4_OPERATOR_TOKEN"):
        return Secret(token)
    raise Permanent("no-operator-token", set="S4_OPERATOR_TOKEN_FILE")


def _places(environ: Mapping[str, str], folder: Path) -> Iterator[Path]:
    if state := environ.get("SHOP_STATE"):
        yield Path(state) / "secrets" / LOCAL.name
    for above in (folder, *folder.parents):
        yield above / LOCAL
