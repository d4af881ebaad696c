"""What readers choose: language, and another address that both addresses have to confirm."""

import itertools
import re
from datetime import timedelta

import jwt
import pytest

from s4_contracts.billing import CancellationReverted, SubscriptionRenewed
from s4_contracts.ids import AccountId, RequestId
from s4_contracts.web import EmailChanged, EmailChangeRequested, LanguageChosen
from s4_runtime import new_id
from support.news import START
from support.notifier_service import KEY, READER, Notifier

NEW = "new@example.org"
MINUTE = timedelta(minutes=1)


def language(notifier: Notifier, tag: str, minutes: int = 0) -> LanguageChosen:
    return LanguageChosen(occurred_at=START + minutes * MINUTE, account_id=notifier.account, language=tag)


class Change:
    """One wish to move to another address."""

    def __init__(self, *accounts: AccountId) -> None:
        self.accounts, self.request = list(accounts), RequestId(new_id())

    def asked(self) -> EmailChangeRequested:
        return EmailChangeRequested(
            occurred_at=START,
            account_id=self.accounts[0],
            request_id=self.request,
            accounts=self.accounts,
            email=NEW,
        )

    def done(self, account: AccountId | None = None) -> EmailChanged:
        return EmailChanged(
            occurred_at=START + 10 * MINUTE,
            account_id=account or self.accounts[0],
            request_id=self.request,
            email=NEW,
        )


def claims_in(text: str) -> dict[str, object]:
    found = re.search(r"https://s4\.example/email/confirm\?token=(\S+)", text)
    assert found
    claims: dict[str, object] = jwt.decode(
        found[1],
        KEY.public_key(),
        algorithms=["EdDSA"],
        audience="s4-web-email",
        issuer="s4-notifier",
        options={"verify_exp": False, "verify_iat": False},
    )
    return claims


async def test_letters_are_in_the_language_chosen_last_in_whatever_order_it_was_heard(notifier: Notifier) -> None:
    choices = [language(notifier, "en", 0), language(notifier, "fr", 1), language(notifier, "de", 2)]
    for order in itertools.permutations(choices):
        await notifier.pool.execute("DELETE FROM readers")
        await notifier.told(*order)
        assert await notifier.pool.fetchval("SELECT language FROM readers") == "de"
    await notifier.paid()
    await notifier.told(notifier.life.news(SubscriptionRenewed))
    assert await notifier.read() == ["Quittung: 25\xa0$ für Ihr Speichergrid"]


async def test_a_language_that_we_do_not_write_is_answered_in_english(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(language(notifier, "fr"), notifier.life.news(CancellationReverted))
    assert await notifier.read() == ["Your subscription goes on"]


async def test_another_accounts_language_is_its_own(notifier: Notifier) -> None:
    await notifier.paid()
    other = LanguageChosen(occurred_at=START, account_id=AccountId(new_id()), language="de")
    await notifier.told(other, notifier.life.news(CancellationReverted))
    assert await notifier.read() == ["Your subscription goes on"]


async def test_both_addresses_are_asked_and_neither_can_answer_for_the_other(notifier: Notifier) -> None:
    await notifier.paid()
    change = Change(notifier.account)
    await notifier.told(change.asked(), change.asked())
    assert await notifier.read() == ["Please confirm: another address for your letters"]
    (old,), (new,) = await notifier.sink.letters(READER), await notifier.sink.letters(NEW)
    assert new["subject"] == "Please confirm this address"
    assert "This was not me" in old["text"]
    for letter, side in ((old, "old"), (new, "new")):
        claims = claims_in(letter["text"])
        assert set(claims) == {"iss", "aud", "sub", "jti", "adr", "rid", "side", "iat", "exp"}
        assert (claims["sub"], claims["rid"], claims["side"]) == (notifier.account, change.request, side)
        assert claims["exp"] - claims["iat"] == 48 * 3600  # type: ignore[operator]  # both are numbers
        assert "2 March 2026, 12:00 UTC" in letter["text"]
        assert (NEW if side == "old" else READER) not in letter["text"] + letter["html"]


async def test_a_change_is_told_to_both_and_what_follows_to_the_new_one(notifier: Notifier) -> None:
    await notifier.paid()
    change = Change(notifier.account)
    await notifier.told(change.done(), change.done(), notifier.life.news(CancellationReverted))
    assert await notifier.read() == ["Our letters go to another address now"]
    subjects = {letter["subject"] for letter in await notifier.sink.letters(NEW)}
    assert subjects == {"Our letters go to this address now", "Your subscription goes on"}


async def test_who_has_several_accounts_reads_it_once(notifier: Notifier) -> None:
    await notifier.paid()
    first, second = notifier.account, AccountId(new_id())
    notifier.account = second
    await notifier.paid()
    change = Change(first, second)
    await notifier.told(change.done(first), change.done(second))
    assert await notifier.read() == ["Our letters go to another address now"]
    assert len(await notifier.sink.letters(NEW)) == 1
    assert await notifier.pool.fetchval("SELECT count(*) FROM addressees WHERE email = $1", NEW) == 2


async def test_what_was_paid_with_before_the_change_does_not_bring_the_old_address_back(notifier: Notifier) -> None:
    await notifier.told(Change(notifier.account).done())
    await notifier.paid()
    await notifier.told(notifier.life.news(CancellationReverted))
    assert await notifier.read() == []
    assert len(await notifier.sink.letters(NEW)) == 2


async def test_the_old_address_cannot_be_moved_by_asking_for_the_letter_again(notifier: Notifier) -> None:
    """The letter of a side stays that side's, whatever the account's address has become."""
    await notifier.paid()
    change = Change(notifier.account)
    notifier.configure(smtp_port=1)
    await notifier.told(change.asked())
    await notifier.read()
    await notifier.told(Change(notifier.account).done())
    notifier.configure(smtp_port=notifier.sink.port)
    await notifier.read_after(timedelta(hours=2))
    asked = [letter for letter in await notifier.sink.letters(NEW) if "/email/confirm" in letter["text"]]
    assert [claims_in(letter["text"])["side"] for letter in asked] == ["new"]


@pytest.mark.parametrize("hours", [25])
async def test_a_question_that_nobody_can_answer_any_more_is_not_sent(notifier: Notifier, hours: int) -> None:
    await notifier.paid()
    notifier.configure(smtp_port=1)
    await notifier.told(Change(notifier.account).asked())
    await notifier.read()
    notifier.configure(smtp_port=notifier.sink.port)
    assert await notifier.read_after(timedelta(hours=hours)) == []
    assert await notifier.sink.letters(NEW) == []
