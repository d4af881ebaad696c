import re
from datetime import timedelta

import jwt

from s4_contracts.ids import RequestId
from s4_contracts.web import SignInRequested
from s4_runtime import derived_id, new_id
from support.news import START
from support.notifier_service import KEY, READER, Notifier


def wish(notifier: Notifier) -> SignInRequested:
    return SignInRequested(occurred_at=START, account_id=notifier.account, request_id=RequestId(new_id()))


async def test_the_link_lets_its_reader_sign_in_and_do_nothing_else(notifier: Notifier) -> None:
    await notifier.paid()
    asked = wish(notifier)
    await notifier.told(asked, asked)
    assert await notifier.read() == ["Your link to sign in to S4"]
    (letter,) = await notifier.sink.letters(READER)
    found = re.search(r"https://s4\.example/sign-in/link\?token=(\S+)", letter["text"])
    assert found
    assert found.group(0) in letter["html"]
    claims = jwt.decode(
        found.group(1),
        KEY.public_key(),
        algorithms=["EdDSA"],
        audience="s4-web-sign-in",
        issuer="s4-notifier",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert set(claims) == {"iss", "aud", "sub", "jti", "adr", "iat", "exp"}
    assert (claims["sub"], claims["adr"]) == (notifier.account, derived_id("address", READER))
    assert claims["exp"] - claims["iat"] == 30 * 60
    assert "1 March 2026, 12:30 UTC" in letter["text"]


async def test_each_request_gets_a_token_of_its_own(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(wish(notifier), wish(notifier))
    await notifier.read()
    one, other = await notifier.sink.letters(READER)
    assert one["text"] != other["text"]


async def test_a_link_that_has_ended_before_it_could_be_sent_is_not_sent(notifier: Notifier) -> None:
    await notifier.told(wish(notifier))
    assert await notifier.read() == []
    await notifier.clock.advance(timedelta(minutes=31))
    await notifier.paid()
    assert await notifier.read() == []
    assert await notifier.pool.fetchval("SELECT state FROM letters") == "withdrawn"


async def test_a_letter_whose_address_is_never_told_is_given_up(notifier: Notifier) -> None:
    await notifier.furl_issued()
    assert await notifier.read() == []
    await notifier.clock.advance(timedelta(days=5))
    assert await notifier.read() == []
    assert await notifier.pool.fetchval("SELECT state FROM letters WHERE kind = 'welcome'") == "bounced"
