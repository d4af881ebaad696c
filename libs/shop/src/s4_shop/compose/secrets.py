"""Each container's secrets in a volume of its own, minted once.

The first volume keeps what was minted, one file for each secret, whole or not there; all others are written from it. So
a run that was killed is finished by the next one, and a run after that changes nothing.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from s4_shop import keys
from s4_shop.folder import StateFolder
from s4_shop.minting.authority import Authority
from s4_shop.minting.installation import Doubles, Mint, Servers, Texts, installation, operator, word
from s4_shop.wiring import SERVICES

KEPT = "minted"
SERVERS = Servers(
    database="postgresql://{name}:{word}@postgres:5432/{name}",
    broker="amqp://{name}:{word}@rabbitmq:5672/s4",
    management="http://{name}:{word}@rabbitmq:15672",
)
# Who runs as another user than ours: their volumes are mounted nowhere else, and readable in there.
STRANGERS = ("postgres", "rabbitmq", "grafana")
READERS = (*SERVICES, "topology", "databases", "zone", "stripe", "mail", "s4", *STRANGERS)
_TEN_YEARS = timedelta(days=3650)


def folders(root: Path) -> None:
    """The places of all volumes: an empty volume takes its owner and mode from where it is mounted."""
    for name in (KEPT, *READERS):
        (root / name).mkdir(mode=0o755 if name in STRANGERS else 0o700, parents=True, exist_ok=True)


def write(root: Path, now: datetime) -> int:
    """Every reader has its files, and nobody else's; how many of them had to be written."""
    kept = StateFolder(root / KEPT)
    (kept.root / "secrets").mkdir(mode=0o700, exist_ok=True)
    with kept.locked("minting"):
        made = everything(lambda name, make: kept.secret(name, make).read_text(encoding="utf-8"), now)
        return sum(_place(root / reader, name, text) for reader in READERS for name, text in made[reader].items())


def everything(mint: Mint, now: datetime) -> dict[str, Texts]:
    """Each reader's files and their texts."""
    stripe = {
        "secret-key": mint("stripe-secret-key", lambda: "sk_test_" + keys.letters(32)),
        "publishable-key": mint("stripe-publishable-key", lambda: "pk_test_" + keys.letters(32)),
        "webhook-secret": mint("stripe-webhook-secret", lambda: "whsec_" + keys.letters(32)),
    }
    tls = json.loads(mint("mail-tls", lambda: json.dumps(Authority(now, _TEN_YEARS).server("mail"))))
    smtp = {"password": mint("smtp-password", word), "ca": tls["ca.crt"]}
    secret = mint("aws-secret-key", word)
    aws = f"[default]\naws_access_key_id = AKIALOCALSHOP\naws_secret_access_key = {secret}\n"
    made = installation(mint, SERVERS, Doubles(stripe, smtp, aws))
    databases = made.pop("postgres-passwords")
    return {
        **made,
        "rabbitmq": made["rabbitmq-users"],
        "postgres": {"password": databases["postgres"]},
        "databases": databases,
        "zone": {"aws-credentials": aws},
        "stripe": stripe,
        "mail": {"smtp-password": smtp["password"], "tls.crt": tls["tls.crt"], "tls.key": tls["tls.key"]},
        "s4": {"operator.json": _told(operator(mint))},
        "grafana": {"admin-password": mint("grafana-admin", word)},
    }


def _told(token: str) -> str:
    """The file from which the command ``s4`` knows where and how."""
    told: dict[str, object] = {name: f"http://{name}:8081" for name in ("billing", "provisioner", "support")}
    told |= {"probes": {name: f"http://{name}:9090" for name in SERVICES}}
    return json.dumps(told | {"deployment": "local", "token": token})


def _place(folder: Path, name: str, text: str) -> bool:
    """The file says this, whole, for its reader alone; True when it did not."""
    path, mode = folder / name, 0o444 if folder.name in STRANGERS else 0o400
    if path.exists() and path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == mode:
        return False
    beside = folder / f".{name}"
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    beside.write_text(text, encoding="utf-8")
    beside.chmod(mode)
    beside.replace(path)
    return True


def database_url(password: str) -> str:
    """Where who made the databases' server connects; holds the password."""
    return SERVERS.database.format(name="postgres", word=password)


def run(root: Path) -> None:
    """`write`, for a command line."""
    written = write(root, datetime.now(UTC))
    print(f"{written} secrets written" if written else "all secrets were there")
