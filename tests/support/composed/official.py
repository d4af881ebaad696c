"""Stand-ins under the names of the official images that compose.yaml names, made of Debian's packages.

One root filesystem with all three servers in it, behind three names. They keep to what compose.yaml relies on: the
users' numbers, the places of data and configuration, and of the entry points what they make of their variables.
"""

from collections.abc import Mapping
from pathlib import Path

from support import bases
from support.engines import Podman

PACKAGES = ("rabbitmq-server", "postgresql-15", "prometheus", "wget")
# The official images of PostgreSQL and RabbitMQ have both numbered their user so.
_SERVANT = "999"
_NOBODY = "65534"
_PATH = f"/usr/lib/rabbitmq/bin:/usr/lib/postgresql/15/bin:{bases.PATH}"

_POSTGRES = """#!/bin/bash
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --pgdata="$PGDATA" --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --encoding=UTF8 \\
        --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
fi
exec "$@"
"""


def _changes(entry: str, command: str, **environment: str) -> list[str]:
    told = [f"ENV {name}={value}" for name, value in {"PATH": _PATH, **environment}.items()]
    return [f"ENTRYPOINT {entry}", f"CMD {command}", *told]


CHANGES: Mapping[str, list[str]] = {
    "postgres": _changes('["postgres-entrypoint"]', '["postgres"]', PGDATA="/var/lib/postgresql/data"),
    "rabbitmq": _changes("[]", '["rabbitmq-server"]', HOME="/var/lib/rabbitmq"),
    "prometheus": [*_changes('["/bin/prometheus"]', "[]"), f"USER {_NOBODY}"],
}


def take(engine: Podman, folder: Path, names: Mapping[str, str]) -> None:
    """Images of these names are here: {"postgres": "docker.io/library/postgres:…"}."""
    (folder / "postgres-entrypoint").write_text(_POSTGRES)
    (folder / "postgres-entrypoint").chmod(0o755)
    root = bases.debian(folder, PACKAGES, *_hooks(folder))
    for server, name in names.items():
        engine.take(root, name, *CHANGES[server])
    root.unlink()


def _hooks(folder: Path) -> list[str]:
    """Users by the official numbers, each with a folder of its own, and nothing of what Debian has set up."""
    users = "".join(f"{name}:x:{_SERVANT}:{_SERVANT}::/var/lib/{name}:/bin/sh\\n" for name in ("postgres", "rabbitmq"))
    data = ("/var/lib/postgresql/data", "/var/lib/rabbitmq", "/var/log/rabbitmq", "/var/run/postgresql")
    return [
        'rm -rf "$1"/var/lib/postgresql/* "$1"/etc/postgresql/15 "$1"/var/lib/rabbitmq "$1"/etc/rabbitmq/*',
        'sed -i "/^postgres:/d; /^rabbitmq:/d" "$1/etc/passwd" "$1/etc/group"',
        f'printf "{users}" >>"$1/etc/passwd"; printf "servants:x:{_SERVANT}:\\n" >>"$1/etc/group"',
        *(f'install -d -o {_SERVANT} -g {_SERVANT} -m 1777 "$1{place}"' for place in data),
        f'install -d -o {_NOBODY} -g {_NOBODY} "$1/prometheus"; mkdir -p "$1/etc/rabbitmq/conf.d"',
        f'install -m 755 "{folder}/postgres-entrypoint" "$1/usr/local/bin/postgres-entrypoint"',
    ]
