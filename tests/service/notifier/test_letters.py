import asyncio
import re
from datetime import timedelta
from email.message import EmailMessage

import jwt
import msgspec
import pytest

from s4_bus.testing import deliver
from s4_contracts.ids import AccountId
from s4_contracts.notifier import LetterBounced, LetterSent
from s4_contracts.web import FurlClaimed
from s4_runtime import Secret, Temporary, new_id
from s4_store.testing import emitted
from support.news import START
from support.notifier_service import KEY, READER, Notifier


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
    await notifier.pool.execute("UPDATE letters SET state = 'owed', due_at = $1 WHERE kind = 'welcome'", START)
    await notifier.replica().one()
    first, second = await notifier.sink.letters(READER)
    assert first["message_id"] == second["message_id"]
    assert first["text"] == second["text"]
    assert len(await emitted(notifier.pool)) == 1


async def test_a_letter_on_its_way_when_the_service_is_replaced_is_handed_over_and_told(notifier: Notifier) -> None:
    """Its lease would keep it from the others for minutes."""
    await notifier.paid()
    await notifier.furl_issued()
    replica, on_its_way, may_arrive = notifier.replica(), asyncio.Event(), asyncio.Event()
    mailer = replica._postman._mailer
    send = mailer.send

    async def slowly(message: EmailMessage, sender: str | None = None) -> None:
        on_its_way.set()
        await may_arrive.wait()
        await send(message, sender)

    mailer.send = slowly  # type: ignore[method-assign]  # a slow mail server
    running = asyncio.create_task(replica.forever())
    await on_its_way.wait()
    running.cancel()
    may_arrive.set()
    await asyncio.gather(running, return_exceptions=True)
    assert len(await notifier.sink.letters(READER)) == 1
    assert [type(event) for event in await emitted(notifier.pool)] == [LetterSent]


async def test_a_refused_address_bounces_once_and_for_good(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.sink.refuse("550 5.1.1 nobody here", times=1, at="rcpt")
    await notifier.replica().one()
    await notifier.clock.advance(timedelta(hours=23))
    assert await notifier.replica().one() == 0
    (bounced,) = await emitted(notifier.pool)
    assert isinstance(bounced, LetterBounced)
    assert bounced.code == "550"
    assert READER not in msgspec.json.encode(bounced).decode()


async def test_a_letter_that_nobody_takes_for_days_is_given_up(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.sink.refuse("451 4.3.0 try later", times=9)
    await notifier.replica().one()
    await notifier.clock.advance(timedelta(days=5))
    await notifier.replica().one()
    (bounced,) = [event for event in await emitted(notifier.pool) if isinstance(event, LetterBounced)]
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
    assert await notifier.pool.fetchval("SELECT claimed_at FROM claims") == START


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
