"""Who may ask, and with which secrets."""

from base64 import b64encode

import pytest
from allmydata.storage.http_common import swissnum_auth_header

from support.s3_control import S3Control
from support.spinning import spin
from support.storing import SWISSNUM, Speaker, name, storage_index

ROUTES: list[tuple[str, str, object]] = [
    ("GET", "version", None),
    ("POST", "immutable/{}", {"share-numbers": {0}, "allocated-size": 10}),
    ("PATCH", "immutable/{}/0", b"1"),
    ("PUT", "immutable/{}/0/abort", None),
    ("GET", "immutable/{}/shares", None),
    ("GET", "immutable/{}/0", None),
    ("PUT", "lease/{}", None),
    ("POST", "immutable/{}/0/corrupt", {"reason": "so"}),
    ("POST", "mutable/{}/0/corrupt", {"reason": "so"}),
    ("POST", "mutable/{}/read-test-write", {"test-write-vectors": {}, "read-vector": []}),
    ("GET", "mutable/{}/shares", None),
    ("GET", "mutable/{}/0", None),
]
RIGHT = swissnum_auth_header(SWISSNUM).decode()
WRONG = [
    "",
    "Tahoe-LAFS",
    "Tahoe-LAFS " + b64encode(SWISSNUM + b"x").decode(),
    RIGHT[:-1],
    RIGHT + "A",
    RIGHT.lower(),
    "Basic " + b64encode(SWISSNUM).decode(),
    "ü" * 10,
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_no_route_is_open_to_who_does_not_know_the_swissnum(
    client: Speaker, s3_control: S3Control, method: str, path: str, body: object
) -> None:
    s3_control.clear_counts()
    for wrong in WRONG:
        answer = spin(client.ask(method, path.format(name(storage_index())), body, headers={"Authorization": wrong}))
        assert answer.status == 401
    assert not s3_control.counts()


@pytest.mark.parametrize(
    "with_secrets", ["", "renew", "renew cancel", "renew cancel enabler", "renew cancel upload enabler"]
)
def test_an_allocation_wants_its_three_secrets_and_no_other(client: Speaker, with_secrets: str) -> None:
    asked = {"share-numbers": {0}, "allocated-size": 10}
    answer = spin(client.ask("POST", f"immutable/{name(storage_index())}", asked, with_secrets=with_secrets))
    assert (answer.status, answer.body) == (400, b"Wrong secrets in X-Tahoe-Authorization headers")


@pytest.mark.parametrize(
    "brought", ["lease-renew-secret", "lease-renew-secret !", "lease-renew-secret YQ==", "what YQ=="]
)
def test_a_secret_that_cannot_be_read_is_refused_and_not_repeated(client: Speaker, brought: str) -> None:
    answer = spin(client.ask("PUT", f"lease/{name(storage_index())}", headers={"X-Tahoe-Authorization": brought}))
    assert (answer.status, answer.body) == (400, b"Wrong secrets in X-Tahoe-Authorization headers")


def test_secrets_where_none_are_wanted_are_refused(client: Speaker) -> None:
    assert spin(client.ask("GET", "version", with_secrets="renew")).status == 400
    assert spin(client.ask("GET", "version")).status == 200


@pytest.mark.parametrize(
    ("accepted", "status"),
    [("application/cbor", 200), ("application/cbor, text/html;q=0.5", 200), ("*/*", 406), ("text/html", 406)],
)
def test_answers_are_in_cbor_for_who_accepts_it(client: Speaker, accepted: str, status: int) -> None:
    answer = spin(client.ask("GET", "version", headers={"Accept": accepted}))
    assert answer.status == status
