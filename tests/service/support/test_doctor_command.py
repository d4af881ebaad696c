"""s4 as the program that operators start, against a service that runs, and that is then broken in several ways."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from s4_bus.connection import connected
from s4_bus.declare import declare_service
from s4_bus.topology import LISTENERS, heard, own_exchange, parked_queue
from s4_runtime import new_id
from support.cutproxy import CutProxy, cut_proxy
from support.operator_words import s4
from support.support_page import TOKEN
from support.support_process import environment, running

pytestmark = pytest.mark.long


async def declare_all(amqp_url: str) -> None:
    async with connected(amqp_url) as connection:
        for service in LISTENERS:
            await declare_service(await connection.channel(), service, heard(service))


async def park_one(amqp_url: str, service: str) -> str:
    parked = new_id()
    async with connected(amqp_url) as connection:
        channel = await connection.channel()
        own = await channel.get_exchange(own_exchange(service), ensure=False)
        message = aio_pika.Message(b"{}", message_id=parked, type="web.furl-claimed.v1")
        await own.publish(message, parked_queue(service).name)
    return parked


async def test_what_is_broken_is_found_explained_and_mended_by_what_it_says(
    support_database: str, amqp_url: str, free_port: Callable[[], int], tmp_path: Path
) -> None:
    async with cut_proxy(support_database) as proxy:
        await break_and_mend(proxy, amqp_url, free_port, tmp_path)


async def break_and_mend(proxy: CutProxy, amqp_url: str, free_port: Callable[[], int], tmp_path: Path) -> None:
    port, probes, desk = free_port(), free_port(), free_port()
    env = {**environment(proxy.url, amqp_url, port, probes), "S4_OPERATOR_LISTEN": f"127.0.0.1:{desk}"}
    env |= {"S4_OPERATOR_AMQP_URL": amqp_url, "S4_REVISION": "abc123"}
    home = {"XDG_CONFIG_HOME": str(tmp_path)}
    told: dict[str, Any] = {"deployment": "test", "token": TOKEN, "support": f"http://127.0.0.1:{desk}"}
    file = tmp_path / "s4" / "test.json"
    file.parent.mkdir()
    file.write_text(json.dumps({**told, "probes": {"support": f"http://127.0.0.1:{probes}"}}))
    file.chmod(0o600)

    async def doctor(*more: str) -> tuple[int, dict[tuple[str, str], dict[str, str]]]:
        status, out, err = await s4("doctor", "--environment", "test", "--json", *more, **home)
        assert err == "", err
        return status, {(one["about"], one["runbook"]): one for one in json.loads(out)["findings"]}

    await declare_all(amqp_url)
    async with running(env):
        status, found = await doctor()
        # Nobody reads the queues of those that do not run.
        assert (status, ("web", "target-down") in found) == (2, True)
        assert not [one for one in found if one[0] == "support"]

        parked = await park_one(amqp_url, "support")
        _, found = await doctor()
        assert found["support", "events-parked"]["do"].startswith("s4 queues parked support")
        status, out, _ = await s4("queues", "parked", "support", "--environment", "test", **home)
        assert (status, parked in out) == (0, True)
        drop = ("queues", "drop", "support", parked, "--environment", "test", "--note", "a test's", "--json")
        _, out, _ = await s4(*drop, **home)
        status, out, err = await s4(*drop, "--confirm", json.loads(out)["confirm"], **home)
        assert status == 0, err
        _, found = await doctor()
        assert ("support", "events-parked") not in found

        async with ended_certificate(tmp_path, free_port()) as address:
            _, found = await doctor("--certificate", address)
            assert "ended at" in found[address, "certificate-expiring"]["what"]

        file.write_text(file.read_text().replace('"test"', '"production"'))
        status, _, err = await s4("queues", "list", "--environment", "test", **home)
        assert (status, "wrong-environment" in err) == (1, True)
        file.write_text(file.read_text().replace('"production"', '"test"'))

        proxy.refuse()
        _, found = await doctor()
        assert found["support", "database-down"]["severity"] == "critical"
    status, found = await doctor()
    assert (status, ("support", "target-down") in found) == (2, True)
    _, out, _ = await s4("doctor", "--environment", "test", **home)
    assert "critical  support: does not answer" in out
    assert "not looked at: queues (service-unreachable)" in out


@asynccontextmanager
async def ended_certificate(folder: Path, port: int) -> AsyncIterator[str]:
    """A server with a certificate that was good until yesterday."""
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=30)).not_valid_after(now - timedelta(days=1))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(pem + made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", port, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{port}"


async def test_words_that_are_wrong_are_said_and_a_shell_can_complete_the_right_ones() -> None:
    status, out, _ = await s4("--version")
    assert (status, out.startswith("s4 ")) == (0, True)
    for shell in ("bash", "zsh"):
        status, out, _ = await s4("completions", shell)
        assert (status, "parked" in out, "doctor" in out) == (0, True, True)
    status, _, err = await s4(
        "queues", "show", "web", "x", SHOP_STATE="/nowhere", S4_SUPPORT_OPERATOR_URL="http://[::1]:1"
    )
    assert (status, "no-operator-token" in err) == (1, True)
    status, _, err = await s4("doctor", "--service", "web")
    assert (status, "not-a-service" in err) == (1, True)
