"""Several addresses of one broker, and TLS before it."""

import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from s4_bus.hosts import hosts
from s4_runtime import Secret
from support.bus import Bus
from support.certificates import Authority, Certificate
from support.cutproxy import CutProxy, cut_proxy
from support.running import running
from support.waiting import until


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def speaking(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


@asynccontextmanager
async def tls_before(bus: Bus, context: ssl.SSLContext) -> AsyncIterator[CutProxy]:
    async with cut_proxy(bus.amqp_url, context) as proxy:
        yield proxy


def over_tls(proxy: CutProxy, trusted: Path, host: str = "localhost") -> str:
    return f"{proxy.url.replace('amqp://', 'amqps://').replace('127.0.0.1', host)}?cafile={trusted}"


def nobody(url: str) -> str:
    """The same broker at a port where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return url.replace(f":{urlsplit(url).port}/", f":{unused.getsockname()[1]}/")


async def test_events_travel_over_tls(bus: Bus, authority: Authority) -> None:
    ids = await bus.emit(5)
    async with tls_before(bus, speaking(authority.certificate())) as proxy:
        url = over_tls(proxy, authority.file)
        async with running(bus.relaying(amqp_url=url), bus.consuming(amqp_url=url)):
            await bus.each_once(ids)
        assert proxy.accepted >= 2


async def test_an_expired_certificate_is_said_so_and_once_it_is_renewed_events_flow(
    bus: Bus, authority: Authority
) -> None:
    ids, context = await bus.emit(3), speaking(authority.certificate(until=timedelta(days=-1)))
    with capture_logs() as lines:
        async with tls_before(bus, context) as proxy:
            url = over_tls(proxy, authority.file)
            async with running(bus.relaying(amqp_url=url), bus.consuming(amqp_url=url)) as loops:
                await until(lambda: len(codes(lines)) == 2, within=15, what="both say what is wrong")
                assert codes(lines) == ["bus-certificate-expired"] * 2
                assert {line["host"] for line in disconnected(lines)} == {"localhost"}
                assert all(datetime.fromisoformat(line["ended"]) < datetime.now(UTC) for line in disconnected(lines))
                assert not any(loop.done() for loop in loops)
                renewed = authority.certificate()
                context.load_cert_chain(renewed.chain, renewed.key)
                await bus.each_once(ids)


async def test_a_certificate_for_another_name_or_of_another_authority_is_refused(bus: Bus, tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path), Authority(tmp_path / "theirs")
    for certificate, trusted in ((ours.certificate(name="elsewhere"), ours), (theirs.certificate(), ours)):
        with capture_logs() as lines:
            async with (
                tls_before(bus, speaking(certificate)) as proxy,
                running(bus.consuming(amqp_url=over_tls(proxy, trusted.file))),
            ):
                await until(partial(codes, lines), within=15, what="the consumer says what is wrong")
        assert codes(lines) == ["bus-certificate-refused"]


async def test_a_plain_listener_where_tls_is_expected_is_said_so(bus: Bus, authority: Authority) -> None:
    with capture_logs() as lines:
        async with cut_proxy(bus.amqp_url) as proxy, running(bus.consuming(amqp_url=over_tls(proxy, authority.file))):
            await until(lambda: codes(lines), within=15, what="the consumer says what is wrong")
    assert codes(lines)[0] in {"bus-tls-failed", "bus-unavailable"}


async def test_one_of_several_hosts_is_enough(bus: Bus) -> None:
    ids = await bus.emit(10)
    several = f"{nobody(bus.amqp_url)},{bus.amqp_url} {nobody(bus.amqp_url)}"
    async with running(bus.relaying(amqp_url=several), bus.consuming(amqp_url=several)):
        await bus.each_once(ids)


async def test_when_a_host_goes_away_work_goes_on_at_another(bus: Bus) -> None:
    async with cut_proxy(bus.amqp_url) as one, cut_proxy(bus.amqp_url) as two:
        both = f"{one.url},{two.url}"
        async with running(bus.relaying(amqp_url=both), bus.consuming(amqp_url=both)):
            ids = await bus.emit(20)
            await bus.each_once(ids)
            for gone, back in ((one, two), (two, one)):
                back.accept()
                gone.refuse()
                ids += await bus.emit(20)
                await bus.each_once(ids)


async def test_a_name_with_several_addresses_is_so_many_hosts() -> None:
    found = await hosts(Secret("amqps://user:p%2Cw@localhost/s4?heartbeat=9,amqp://127.0.0.7:7/s4"))
    addresses = {str(host.url.host): host for host in found}
    assert {"127.0.0.1", "127.0.0.7"} <= set(addresses)
    named = addresses["127.0.0.1"]
    assert (named.name, named.url.port, named.url.password, named.url.path) == ("localhost", 5671, "p,w", "/s4")
    assert named.url.query["heartbeat"] == "9"
    assert addresses["127.0.0.7"].name is None
    assert addresses["127.0.0.7"].url.query["heartbeat"]


async def test_a_name_that_nobody_knows_does_not_hide_the_others() -> None:
    (found,) = await hosts("amqp://nobody.invalid/s4 amqp://127.0.0.1:9/s4")
    assert found.url.port == 9
    with pytest.raises(socket.gaierror):
        await hosts("amqp://nobody.invalid/s4")


def codes(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    return [line["code"] for line in disconnected(lines)]


def disconnected(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [line for line in lines if line["event"] == "bus.disconnected"]
