"""A node in every kind of trouble says nothing that its user, its grid or its store keeps secret."""

import base64
import os
import secrets
import shutil
import socket
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import treq
from allmydata.util import base32
from twisted.web.http_headers import Headers

from commands import run
from s4_node.storage import layout
from support.elsewhere import Elsewhere
from support.ledger import Slot, Upload, check_slot, check_upload
from support.load import change, store
from support.refusals import refused
from support.s3_control import S3Control
from support.s3_servers import Server
from support.serving import LOOPBACK
from support.shares import a_slot, an_upload, changed, stored
from support.speaking import PROTOCOLS, Speak, Speaking
from support.spinning import spin

REFUSALS = ("access_denied", "expired", "revoked", "wrong_region", "skewed", "moved")
PAGES = ("/healthz", "/readyz", "/metrics", "/", "/readyz?grid=storage")


@dataclass
class Known:
    """Secrets that a test has made, and what of a node was seen."""

    texts: set[str] = field(default_factory=set)
    raw: set[bytes] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)

    def of(self, share: Upload | Slot) -> None:
        """A share's secrets, and what is in it."""
        self.raw |= {*share.secrets, (share.data if isinstance(share, Upload) else share.data(1))[200:232]}

    def forms(self) -> set[str]:
        """Each secret in each way to write it."""
        forms = set(self.texts)
        for raw in self.raw:
            forms |= {raw.hex(), repr(raw)[2:-1], base64.b64encode(raw).decode(), base32.b2a(raw).decode()}
            forms |= {base64.urlsafe_b64encode(raw).decode().rstrip("="), raw.decode("latin-1")}
        return forms

    def said(self) -> list[str]:
        """What was seen that has one of them in it."""
        forms = self.forms()
        forms |= {form.replace("\\", "\\\\") for form in forms}
        return [line for seen in self.seen for line in seen.splitlines() if any(form in line for form in forms)]


def identity(node: Elsewhere) -> set[str]:
    """What makes the grid the customer's own."""
    furls = {node.grid.introducer_furl, node.furl}
    keys = {node.files[f"private/{name}"].strip() for name in ("node.privkey",)}
    lines = {line for line in node.files["private/node.pem"].splitlines() if len(line) == 64}
    return {*furls, *(furl.rpartition("/")[2] for furl in furls), *keys, *lines, "pb://", "URI:"}


async def tries(client: Speaking, known: Known, upload: Upload, slot: Slot) -> None:
    """Store and read; whatever is answered is seen."""
    for asked in (store(client, an_upload()), store(client, upload), change(client, slot), check_slot(client, slot)):
        try:
            await asked
        except Exception as error:  # noqa: BLE001  it is what is wanted
            known.seen.append(f"{error} {error!r} {vars(error)}")


async def misuses(client: Speaking, known: Known, node: Elsewhere) -> None:
    """Requests over HTTPS that no client makes, with secrets in all the wrong places."""
    assert client.https is not None
    upload, upload_secret = an_upload(), os.urandom(20)
    known.of(upload)
    known.raw.add(upload_secret)
    renew, cancel = upload.secrets
    share = f"/storage/v1/immutable/{base32.b2a(upload.index).decode()}"
    every = {"lease_renew_secret": renew, "lease_cancel_secret": cancel, "upload_secret": upload_secret}
    header = f"lease-renew-secret {base64.b64encode(renew).decode()}"
    for method, path, more in (
        ("GET", f"/{node.swissnum}", {}),
        ("GET", f"/storage/v1/{node.swissnum}/version", {}),
        ("POST", share, every | {"data": renew}),
        ("POST", share, {"headers": Headers({"X-Tahoe-Authorization": [header, header[:-5], "x " + header]})}),
        ("PATCH", f"{share}/0", {"upload_secret": upload_secret, "data": renew}),
        ("PATCH", f"{share}/0", {**every, "headers": Headers({"content-range": ["bytes 0-9/*"]}), "data": renew}),
        ("GET", f"{share}/0", {"headers": Headers({"range": [f"bytes={header}"]})}),
        ("POST", share.replace("immutable", "mutable") + "/read-test-write", every | {"write_enabler_secret": cancel}),
        ("PUT", share.replace("immutable", "lease"), {"lease_renew_secret": renew}),
        ("GET", share + "/shares", {"headers": Headers({"accept": [header]})}),
    ):
        answer = await client.https.request(method, client.https.relative_url(path), **more)
        known.seen.append(f"{answer.code} {answer.headers} {await treq.text_content(answer)}")


def garbage(node: Elsewhere, known: Known) -> None:
    """What is neither protocol, at the node's port."""
    for words in (f"GET /id/{node.swissnum} HTTP/1.1\r\n\r\n", f"GET /id/{node.swissnum}\n\n", f"{node.furl}\r\n\r\n"):
        with socket.create_connection((LOOPBACK, node.port), timeout=5) as connection:
            connection.sendall(words.encode())
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(5)
            answer = connection.recv(4096).decode("latin-1")
            known.seen.append(answer.replace(node.swissnum, "what was asked for"))


@pytest.mark.parametrize("style", ["json", pytest.param("text", marks=pytest.mark.long)])
def test_nothing_secret_is_said_in_any_trouble(  # noqa: PLR0917  fixtures
    node: Elsewhere, s3: Server, s3_control: S3Control, spoken: Speak, tmp_path: Path, style: str
) -> None:
    known = Known(identity(node))
    keys = (f"ASIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30), secrets.token_urlsafe(200))
    known.texts |= set(keys)
    lines = "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n".format(*keys)
    (tmp_path / "keys").write_text(lines)
    s3_control.credential(*keys[:2], session_token=keys[2])
    node.store = replace(node.store, credentials=f"file:{tmp_path / 'keys'}")
    node.options = ("--log", style, "--label-grids")
    node.move()
    assert node.storage is not None
    node.until_served()
    known.texts |= {node.furl}

    for protocol in PROTOCOLS:
        client, upload, slot, damaged = spoken(protocol, node), an_upload(), a_slot(), an_upload()
        for share in (stored(client, upload), changed(client, slot), damaged):
            known.of(share)
        for kind in REFUSALS:
            s3_control.fail(kind, times=None)
            spin(tries(client, known, an_upload(6 * 2**20), slot), 90)
            s3_control.clear_faults()
        for kind in ("slow_down", "garbage", "cut", "damaged", "wrong_etag"):
            s3_control.fail(kind, times=1)
        spin(tries(client, known, an_upload(), slot), 90)
        s3_control.clear_faults()
        spin(store(client, damaged))
        s3.request("PUT", f"/{node.store.bucket}/{layout.share(damaged.index, 0)}", damaged.data)
        assert refused(check_upload(client, damaged)) == 500
        assert refused(change(client, Slot(damaged.index, 0, 2000))) == 500
        enabler = os.urandom(32)
        known.raw.add(enabler)
        wrong = client.server.slot_testv_and_readv_and_writev(
            slot.index, (enabler,) * 3, {0: ([], [(0, b"x")], None)}, []
        )
        assert refused(wrong) == 401
        spin(client.server.advise_corrupt_share(b"immutable", damaged.index, 0, f"{node.furl} {keys[1]}".encode()))
        known.seen += [node.storage.get(page)[1] for page in PAGES]
    spin(misuses(spoken("https", node), known, node), 60)
    garbage(node, known)
    shutil.rmtree(node.spool)
    spin(tries(spoken("https", node), known, an_upload(), a_slot()))
    s3_control.credential(*keys[:2], session_token=keys[2], state="revoked")
    for command in ("check", "usage", "verify"):
        answer = run("s4-node", command, str(node.home))
        assert answer.code == 1
        known.seen += [answer.out, answer.err]
    known.seen.append(Path(f"/proc/{node.storage.pid}/cmdline").read_text())
    assert node.storage.stop() == 0
    known.seen.append(node.log.read_text())

    assert len(known.seen[-1].splitlines()) > len(REFUSALS)
    assert "request.failed" in known.seen[-1]
    assert known.said() == []
