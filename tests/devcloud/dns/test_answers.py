"""What the name server answers over the wire."""

import json
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest
from dnslib import QTYPE, RCODE, DNSRecord

from support.cloud import LocalCloud
from support.hosted_zone import Zone


class Asker:
    """A client of a running server."""

    def __init__(self, control: str) -> None:
        command = [sys.executable, "-m", "s4_devcloud", "dns", "--listen", "127.0.0.1:0", "--cloud", control]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        ready = json.loads(self.process.stdout.readline())
        self.place = (ready["address"], ready["port"])

    def ask(self, name: str, kind: str = "A", *, tcp: bool = False) -> DNSRecord:
        packet = DNSRecord.question(name, kind).send(*self.place, tcp=tcp, timeout=10)
        return DNSRecord.parse(packet)

    def close(self) -> int:
        self.process.terminate()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(10)


@pytest.fixture
def asker(cloud: LocalCloud) -> Iterator[Asker]:
    started = Asker(cloud.ready["control"])
    yield started
    assert started.close() == 0


def said(reply: DNSRecord) -> list[tuple[str, str, int]]:
    return [(QTYPE[record.rtype], str(record.rdata), record.ttl) for record in reply.rr]


@pytest.mark.parametrize("tcp", [False, True])
def test_a_name_has_the_addresses_that_route_53_has(asker: Asker, zone: Zone, tcp: bool) -> None:  # noqa: FBT001  a parameter
    zone.change("CREATE", "grid", "A", "127.5.0.1", "127.5.0.2")

    reply = asker.ask(f"GRID.{zone.name}.", tcp=tcp)

    assert said(reply) == [("A", "127.5.0.1", 60), ("A", "127.5.0.2", 60)]
    assert reply.header.aa


def test_a_change_is_answered_at_once(asker: Asker, zone: Zone) -> None:
    zone.change("CREATE", "grid", "A", "127.5.0.1")
    before = said(asker.ask(f"grid.{zone.name}"))
    zone.change("UPSERT", "grid", "A", "127.5.0.9")
    changed = said(asker.ask(f"grid.{zone.name}"))
    zone.change("DELETE", "grid", "A", "127.5.0.9")
    deleted = asker.ask(f"grid.{zone.name}")

    assert [before, changed] == [[("A", "127.5.0.1", 60)], [("A", "127.5.0.9", 60)]]
    assert (said(deleted), deleted.header.rcode) == ([], RCODE.NXDOMAIN)


def test_an_alias_leads_to_the_address(asker: Asker, zone: Zone) -> None:
    zone.change("CREATE", "grid", "A", "127.5.0.1")
    zone.change("CREATE", "alias", "CNAME", f"grid.{zone.name}.")

    kinds = [kind for kind, *_ in said(asker.ask(f"alias.{zone.name}"))]

    assert kinds == ["CNAME", "A"]


def test_a_name_without_records_of_that_type_exists(asker: Asker, zone: Zone) -> None:
    zone.change("CREATE", "grid", "A", "127.5.0.1")

    reply = asker.ask(f"grid.{zone.name}", "AAAA")

    assert (said(reply), reply.header.rcode) == ([], RCODE.NOERROR)


def test_what_is_in_no_zone_of_ours_is_refused(asker: Asker) -> None:
    assert asker.ask("example.org").header.rcode == RCODE.REFUSED


def test_an_answer_that_is_too_long_for_a_datagram_is_asked_for_again(asker: Asker, zone: Zone) -> None:
    zone.change("CREATE", "many", "A", *(f"127.5.1.{last}" for last in range(1, 101)))

    cut, whole = asker.ask(f"many.{zone.name}"), asker.ask(f"many.{zone.name}", tcp=True)

    assert (bool(cut.header.tc), len(whole.rr)) == (True, 100)


def test_what_is_no_question_gets_no_answer_and_does_no_harm(asker: Asker, zone: Zone) -> None:
    zone.change("CREATE", "grid", "A", "127.5.0.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        for packet in (b"", b"\x00", b"\xff" * 600):
            line.sendto(packet, asker.place)
    with socket.create_connection(asker.place, 10) as line:
        line.sendall(struct.pack("!H", 3) + b"abc")
        assert line.recv(10) == b""

    assert len(said(asker.ask(f"grid.{zone.name}"))) == 1


def test_a_cloud_that_is_gone_is_a_failure_and_not_the_absence_of_a_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    asker = Asker(f"http://127.0.0.1:{port}")

    assert asker.ask("grid.anything.test").header.rcode == RCODE.SERVFAIL
    assert asker.close() == 0
