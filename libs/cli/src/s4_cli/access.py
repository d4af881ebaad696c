"""Where an installation's operator listeners and probes are, and the token of who asks."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from s4_runtime import Permanent, Secret

# Written by the local run for its own operator; looked for here and in the folders above.
LOCAL = Path(".s4") / "shop" / "secrets" / "operator.json"
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9-]{0,39}")


class Access(msgspec.Struct, frozen=True):
    """One service's operator listener; ``deployment`` is the installation that is meant, if that is known.

    ``probes`` are those of all its services that are known.
    """

    url: str
    token: Secret
    deployment: str = ""
    probes: Mapping[str, str] = {}


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """A file about an installation: operators' listeners, probes, what has a certificate, a local run's folder."""

    deployment: str = ""
    token: str = ""
    token_file: str = ""
    billing: str = ""
    provisioner: str = ""
    support: str = ""
    probes: dict[str, str] = {}
    certificates: list[str] = []
    state: str = ""

    def __repr__(self) -> str:
        return f"Installation({self.deployment})"


def access(service: str, environ: Mapping[str, str], folder: Path, environment: str = "") -> Access:
    """The access to a service: in the environment that is asked for, else as variables say, else the local run's.

    The variables: S4_BILLING_OPERATOR_URL, with S4_OPERATOR_TOKEN or S4_OPERATOR_TOKEN_FILE. Raises Permanent.
    """
    named = f"S4_{service.upper()}_OPERATOR_URL"
    url = environ.get(named)
    if url and not environment:
        return Access(url.rstrip("/"), _token(environ), environ.get("S4_DEPLOYMENT", ""))
    found = installation_file(environ, folder, environment)
    if found is None:
        raise Permanent("no-operator-access", set=f"{named} and S4_OPERATOR_TOKEN_FILE", or_start="make up")
    told = read(found, environment)
    address = {"billing": told.billing, "provisioner": told.provisioner, "support": told.support}.get(service, "")
    token = _secret(told, found)
    if not address or not token:
        raise Permanent("operator-access-unreadable", file=str(found))
    return Access(address.rstrip("/"), Secret(token), told.deployment, told.probes)


def installation_file(environ: Mapping[str, str], folder: Path, environment: str = "") -> Path | None:
    """The file about the environment that is asked for, which must be there, else about the local run. Or None."""
    if environment:
        if not _ENVIRONMENT.fullmatch(environment):
            raise Permanent("not-an-environment", given=environment)
        base = environ.get("XDG_CONFIG_HOME")
        path = (Path(base) if base else Path.home() / ".config") / "s4" / f"{environment}.json"
        if not path.is_file():
            raise Permanent("no-such-environment", file=str(path))
        return path
    return next((path for path in _places(environ, folder) if path.is_file()), None)


def read(path: Path, environment: str = "") -> Installation:
    """What the file says. Raises Permanent: unreadable, open to others, or about another installation."""
    try:
        told = msgspec.json.decode(path.read_bytes(), type=Installation)
    except (OSError, msgspec.DecodeError):
        raise Permanent("operator-access-unreadable", file=str(path)) from None
    if not environment:
        return told
    if told.token and path.stat().st_mode & 0o077:
        raise Permanent("operator-access-open-to-others", file=str(path), run=f"chmod 600 {path}")
    if told.deployment not in {"", environment}:
        raise Permanent("wrong-environment", file=str(path), asked=environment, says=told.deployment)
    return msgspec.structs.replace(told, deployment=environment)


def _secret(told: Installation, beside: Path) -> str:
    if not told.token_file:
        return told.token
    return _token_in(beside.parent / told.token_file, str(beside)).reveal()


def _token(environ: Mapping[str, str]) -> Secret:
    if path := environ.get("S4_OPERATOR_TOKEN_FILE"):
        return _token_in(Path(path), "S4_OPERATOR_TOKEN_FILE")
    if token := environ.get("S4_OPERATOR_TOKEN"):
        return Secret(token)
    raise Permanent("no-operator-token", set="S4_OPERATOR_TOKEN_FILE")


def _token_in(path: Path, named_by: str) -> Secret:
    try:
        return Secret(path.read_text(encoding="utf-8").strip())
    except OSError:
        raise Permanent("operator-token-unreadable", named_by=named_by) from None


def _places(environ: Mapping[str, str], folder: Path) -> Iterator[Path]:
    if state := environ.get("SHOP_STATE"):
        yield Path(state) / "secrets" / LOCAL.name
    for above in (folder, *folder.parents):
        yield above / LOCAL
