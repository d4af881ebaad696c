import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from s4_bus.testing import deliver
from s4_contracts.billing import SignupPaid
from s4_contracts.ids import AccountId, GridId, RequestId, SignupId, SubscriptionId
from s4_contracts.notifier import LetterBounced, LetterSent
from s4_contracts.provisioner import FurlIssued
from s4_contracts.web import FurlClaimed, InviteRequested
from s4_notifier.claim_links import ClaimLinks
from s4_notifier.letters import Desk
from s4_notifier.mailer import Mailer
from s4_notifier.postman import Postman
from s4_notifier.render import Letters
from s4_notifier.rounds import Rounds
from s4_notifier.settings import Settings
from s4_runtime import Secret, Temporary, new_id
from s4_runtime.testing import ManualClock
from s4_store import Pool, migrate
from s4_store.testing import emitted
from support.mail_sink import PASSWORD, USER, MailSink, mail_sink

KEY = Ed25519PrivateKey.generate()
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
READER = "reader@example.org"


class Notifier:
    """The service with its own database, a mail sink and a clock that the test moves."""

    def __init__(self, pool: Pool, sink: MailSink, clock: ManualClock) -> None:
        self.pool, self.sink, self.clock = pool, sink, clock
        self.account, self.grid = AccountId(new_id()), GridId(new_id())
        self.settings = Settings(
            database_url=pool.url,
            amqp_url=Secret("unused"),
            deployment="test",
            smtp_host=sink.host,
            smtp_port=sink.port,
            smtp_user=USER,
            smtp_password=Secret(PASSWORD),
            smtp_ca=sink.certificate,
            mail_from="S4 <hello@s4.example>",
            public_url="https://s4.example",
            claim_private_key=Secret(PEM),
        )
        self.routes = Desk(clock).routes()

    def replica(self) -> Rounds:
        postman = Postman(
            self.pool,
            links=ClaimLinks(self.settings.claim_private_key, self.settings.public_url, timedelta(days=7)),
            letters=Letters(self.settings.mail_from),
            mailer=Mailer(self.settings),
            clock=self.clock,
            random=Random(1),
            link_lifetime=timedelta(days=7),
            give_up_after=self.settings.give_up_after,
        )
        return Rounds(self.pool, postman, self.clock, 4)

    async def paid(self) -> None:
        event = SignupPaid(
            occurred_at=START,
            account_id=self.account,
            signup_id=SignupId(new_id()),
            subscription_id=SubscriptionId(new_id()),
            plan="personal",
            email=READER,
        )
        await deliver(self.pool, self.routes, event)

    async def furl_issued(self) -> None:
        event = FurlIssued(
            occurred_at=START,
            account_id=self.account,
            signup_id=SignupId(new_id()),
            grid_id=self.grid,
            claim_ref=f"{self.grid}:1",
        )
        await deliver(self.pool, self.routes, event)

    async def invite_requested(self, request: str) -> None:
        event = InviteRequested(
            occurred_at=START, account_id=self.account, grid_id=self.grid, request_id=RequestId(request)
        )
        await deliver(self.pool, self.routes, event)


@pytest.fixture
async def notifier(database: str, tmp_path: Path) -> AsyncIterator[Notifier]:
    await migrate(database, "s4_notifier")
    async with Pool.open(database) as pool, mail_sink(tmp_path) as sink:
        yield Notifier(pool, sink, ManualClock(START))


def token_in(text: str) -> str:
    found = re.search(r"https://s4\.example/claim\?token=(\S+)", text)
    assert found
    return found.group(1)


async def test_a_paid_grid_gets_one_welcome_with_a_link_that_only_we_can_sign(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.replica().one()
    (letter,) = await notifier.sink.letters(READER)
    assert letter["subject"] == "Your storage grid is ready"
    assert "pb://" not in letter["text"] + letter["html"]
    token = token_in(letter["text"])
    assert f'href="https://s4.example/claim?token={token}"' in letter["html"]
    claims = jwt.decode(
        token,
        KEY.public_key(),
        algorithms=["EdDSA"],
        audience="s4-web",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (claims["sub"], claims["grid"], claims["ref"]) == (notifier.account, notifier.grid, f"{notifier.grid}:1")
    assert claims["exp"] - claims["iat"] == 7 * 24 * 3600
    (sent,) = await emitted(notifier.pool)
    assert isinstance(sent, LetterSent)
    assert (sent.kind, sent.account_id, sent.letter_id) == ("welcome", notifier.account, claims["jti"])


async def test_an_address_that_is_learned_after_the_furl_still_gets_the_letter(notifier: Notifier) -> None:
    await notifier.furl_issued()
    await notifier.replica().one()
    assert await notifier.sink.letters() == []
    await notifier.paid()
    await notifier.replica().one()
    assert len(await notifier.sink.letters(READER)) == 1


async def test_events_told_again_owe_no_second_letter(notifier: Notifier) -> None:
    for _ in range(3):
        await notifier.furl_issued()
        await notifier.paid()
    replicas = [notifier.replica() for _ in range(3)]
    await asyncio.gather(*(replica.one() for replica in replicas))
    await notifier.replica().one()
    assert len(await notifier.sink.letters()) == 1
    assert len(await emitted(notifier.pool)) == 1


async def test_a_busy_mail_server_is_tried_again_later_with_growing_waits(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.sink.refuse("451 4.3.0 try later", times=2)
    for wait in (timedelta(), timedelta(seconds=7), timedelta(seconds=14)):
        assert await notifier.sink.letters() == []
        await notifier.clock.advance(wait)
        await notifier.replica().one()
    assert len(await notifier.sink.letters(READER)) == 1


async def test_a_letter_taken_twice_is_the_same_letter(notifier: Notifier) -> None:
    """Killed between the server's 250 and our commit: the lease runs out and another replica repeats it."""
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.replica().one()
    await notifier.pool.execute("UPDATE letters SET state = 'owed', due_at = $1, lease_token = NULL", START)
    await notifier.replica().one()
    first, second = await notifier.sink.letters(READER)
    assert first["message_id"] == second["message_id"]
    assert first["text"] == second["text"]
    assert len(await emitted(notifier.pool)) == 1


async def test_a_refused_address_bounces_once_and_for_good(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.sink.refuse("550 5.1.1 nobody here", times=1, at="rcpt")
    await notifier.replica().one()
    await notifier.clock.advance(timedelta(days=1))
    assert await notifier.replica().one() == 0
    (bounced,) = await emitted(notifier.pool)
    assert isinstance(bounced, LetterBounced)
    assert bounced.code == "550"
    assert READER not in msgspec.json.encode(bounced).decode()


async def test_a_letter_that_nobody_takes_for_days_is_given_up(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.sink.refuse("451 4.3.0 try later", times=2)
    await notifier.replica().one()
    await notifier.clock.advance(timedelta(days=5))
    await notifier.replica().one()
    (bounced,) = await emitted(notifier.pool)
    assert isinstance(bounced, LetterBounced)
    assert bounced.code == "undeliverable"


async def test_a_new_link_on_request_goes_to_the_address_we_know_and_is_another_token(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.replica().one()
    request = new_id()
    await notifier.invite_requested(request)
    await notifier.invite_requested(request)
    await notifier.replica().one()
    invite, welcome = await notifier.sink.letters(READER)
    assert invite["subject"] == "A new link to your grid's furl"
    assert token_in(invite["text"]) != token_in(welcome["text"])


async def test_a_request_for_a_grid_not_announced_here_yet_is_put_off(notifier: Notifier) -> None:
    with pytest.raises(Temporary, match="furl-not-announced-yet"):
        await notifier.invite_requested(new_id())


async def test_another_accounts_request_finds_no_furl(notifier: Notifier) -> None:
    await notifier.furl_issued()
    notifier.account = AccountId(new_id())
    with pytest.raises(Temporary):
        await notifier.invite_requested(new_id())


async def test_a_claim_is_noted_with_its_first_time(notifier: Notifier) -> None:
    await notifier.furl_issued()
    claim = FurlClaimed(
        occurred_at=START, account_id=notifier.account, grid_id=notifier.grid, claim_ref=f"{notifier.grid}:1"
    )
    await deliver(notifier.pool, notifier.routes, claim)
    await notifier.clock.advance(timedelta(hours=1))
    await deliver(notifier.pool, notifier.routes, claim)
    assert await notifier.pool.fetchval("SELECT claimed_at FROM letters") == START


async def test_a_mail_server_that_is_away_holds_the_letter_back(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    notifier.settings = msgspec.structs.replace(notifier.settings, smtp_port=1)
    await notifier.replica().one()
    assert await notifier.pool.fetchval("SELECT state FROM letters") == "owed"
    notifier.settings = msgspec.structs.replace(notifier.settings, smtp_port=notifier.sink.port)
    await notifier.clock.advance(timedelta(seconds=7))
    await notifier.replica().one()
    assert len(await notifier.sink.letters(READER)) == 1


async def test_a_wrong_mail_password_bounces_nobody(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    notifier.settings = msgspec.structs.replace(notifier.settings, smtp_password=Secret("wrong"))
    await notifier.replica().one()
    assert await notifier.pool.fetchval("SELECT state FROM letters") == "owed"
    assert await emitted(notifier.pool) == []
