"""What is typed to connect Tahoe-LAFS, as its version 1.20 takes it; for a shell as POSIX has it."""

import shlex

import msgspec

from s4_web.provisioner_client import Key

FOLDER = "~/s4-grid"
PUBLIC_MAILBOX = "ws://wormhole.tahoe-lafs.org:4000/v1"  # Tahoe-LAFS 1.20, allmydata.scripts.runner
SHARES = {"needed": 1, "happy": 1, "total": 1}  # one server holds the whole grid
# The furl is read from the keyboard: so it is in no history of a shell, and in no list of processes.
_PASTE = (
    "printf 'Furl: '; IFS= read -r furl; "
    'printf \'introducers:\\n  default:\\n    furl: "%s"\\n\' "$furl" > {folder}/private/introducers.yaml; unset furl'
)


class FirstSteps(msgspec.Struct, frozen=True):
    """The commands for a client that is set up; each is to be typed as it is."""

    run: str = f"tahoe run {FOLDER}"
    alias: str = f"tahoe -d {FOLDER} create-alias home"
    make: str = "echo hello > hello.txt"
    put: str = f"tahoe -d {FOLDER} put hello.txt home:hello.txt"
    get: str = f"tahoe -d {FOLDER} get home:hello.txt hello-again.txt"
    keep: str = f"cat {FOLDER}/private/aliases"


def _shares(shares: dict[str, int]) -> str:
    return " ".join(f"--shares-{name}={shares[name]}" for name in ("needed", "happy", "total"))


def create(key: Key) -> str:
    """A client for the grid, with the furl in the command."""
    furl, nickname = shlex.quote(key.furl.reveal()), shlex.quote(key.nickname)
    options = [f"--introducer={furl}", f"--nickname={nickname}", _shares(key.shares), FOLDER]
    return " \\\n  ".join(["tahoe create-client", *options])


def create_without_furl(shares: dict[str, int]) -> str:
    """A client that knows no grid yet."""
    return f"tahoe create-client --nickname=s4 {_shares(shares)} {FOLDER}"


def paste_furl() -> str:
    """The client's grid is the one whose furl is pasted when this asks for it."""
    return _PASTE.format(folder=FOLDER)


def join(code: str, mailbox_url: str) -> str:
    """A client for the grid, by an invite code; ``mailbox_url`` is named where Tahoe would not look by itself."""
    server = "" if mailbox_url == PUBLIC_MAILBOX else f" --wormhole-server={shlex.quote(mailbox_url)}"
    return f"tahoe{server} create-client --join={shlex.quote(code)} {FOLDER}"
