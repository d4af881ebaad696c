"""What each letter says, in text and in HTML."""

from datetime import timedelta
from email.message import EmailMessage
from importlib import resources

import msgspec
import pytest

from s4_contracts import Event
from s4_contracts.billing import (
    CancellationReverted,
    CancellationScheduled,
    PaymentFailed,
    PaymentRecovered,
    PlanChanged,
    RefundIssued,
    ServiceSuspended,
    SignupPaid,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from s4_contracts.provisioner import DeletionScheduled, GridDeleted, GridResumed, GridSuspended
from s4_notifier.links import Link
from s4_notifier.news import SUBJECTS, letter_about
from s4_notifier.render import Letters, Unwritable
from s4_notifier.store import OwedLetter
from s4_notifier.words import Words, language_of
from s4_runtime import Secret
from support.news import START, Life

ACCOUNT = "https://s4.example/account"
LETTERS = Letters("S4 <hello@s4.example>", "https://s4.example/")


def owed(event: type[Event], **facts: object) -> OwedLetter:
    letter = letter_about(Life().news(event, **facts))  # type: ignore[arg-type]  # only events of USUAL come here
    return OwedLetter(**msgspec.structs.asdict(letter), issued_at=START, attempts=1, email="reader@example.org")


def written(event: type[Event], **facts: object) -> EmailMessage:
    return LETTERS.message(owed(event, **facts), Link(Secret(ACCOUNT)))


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    found: str = part.get_content()
    return found


CASES: list[tuple[type[Event], dict[str, object], str, list[str]]] = [
    (SignupPaid, {}, "Your trial has begun", ["Personal", "15 March 2026, 12:00 UTC", "Nothing has been charged"]),
    (
        SignupPaid,
        {"trial_end": None, "amount": 2500, "currency": "usd", "invoice_number": "S4-0001"},
        "Receipt: $25 for your storage grid",
        ["Paid: $25", "Plan: Personal", "Bill: S4-0001", "you would get all of it back"],
    ),
    (SubscriptionRenewed, {}, "Receipt: $25 for your storage grid", ["Bill: S4-0007", "Paid until: 1 April 2026"]),
    (
        SubscriptionRenewed,
        {"currency": "jpy", "invoice_number": None, "period_end": None},
        "Receipt: ¥2,500 for your storage grid",
        ["Paid: ¥2,500"],
    ),
    (
        PaymentFailed,
        {},
        "Your payment of $25 did not go through",
        ["on 4 March 2026 we try the card again", "until 15 March 2026, 12:00 UTC"],
    ),
    (PaymentFailed, {"attempt": 3}, "Your payment of $25 did not go through", ["try number 3"]),
    (
        PaymentFailed,
        {"next_attempt_at": None},
        "Your payment of $25 did not go through: please pay by 15 March 2026",
        ["do not try this card again", "Nothing in it is removed"],
    ),
    (PaymentFailed, {"must_confirm": True}, "Please confirm your payment of $25", ["Your bank wants you to confirm"]),
    (PaymentRecovered, {}, "Your payment of $25 went through", ["the furl that it always had"]),
    (
        ServiceSuspended,
        {},
        "Your storage grid is stopped",
        ["Nothing in it has been removed", "pay the bill"],
    ),
    (ServiceSuspended, {"reason": "disputed"}, "Your storage grid is stopped", ["as fraud", "tell your bank"]),
    (
        ServiceSuspended,
        {"reason": "paused"},
        "Your subscription is paused and your grid is stopped",
        ["Nothing in it has been removed"],
    ),
    (
        GridResumed,
        {},
        "Your storage grid is running again",
        ["furl is the one that you have"],
    ),
    (CancellationScheduled, {}, "Your subscription ends on 10 March 2026", ["Ends: 10 March 2026, 12:00 UTC"]),
    (CancellationReverted, {}, "Your subscription goes on", ["does not end"]),
    (SubscriptionEnded, {}, "Your subscription has ended", ["as you asked", "Kept until: 31 March 2026, 12:00 UTC"]),
    (SubscriptionEnded, {"reason": "unpaid"}, "Your subscription has ended", ["stayed open", "31 March 2026"]),
    (SubscriptionEnded, {"reason": "disputed"}, "Your subscription has ended", ["contested", "31 March 2026"]),
    (SubscriptionEnded, {"reason": "other"}, "Your subscription has ended", ["Nothing more will be charged"]),
    (
        SubscriptionEnded,
        {"reason": "not-provided"},
        "Your subscription has ended, because we could not set up your grid",
        ["We are sorry"],
    ),
    (
        SubscriptionEnded,
        {"reason": "duplicate"},
        "One of your two subscriptions has ended",
        ["kept the other", "Your grid is not affected"],
    ),
    (PlanChanged, {}, "Your plan is now Studio", ["Before: Personal", "Space: 4 TB", "furl stay the same"]),
    (PlanChanged, {"previous_plan": None, "quota_bytes": None}, "Your plan is now Studio", ["Plan: Studio"]),
    (RefundIssued, {}, "You get $25 back", ["Refund: $25", "5 to 10 working days"]),
    (RefundIssued, {"reason": "goodwill", "amount": 1}, "You get $0.01 back", ["Refund: $0.01"]),
    (RefundIssued, {"reason": "duplicate"}, "You get $25 back", ["subscribed twice"]),
    (RefundIssued, {"reason": "not-provided"}, "We could not set up your grid: you get $25 back", ["we are sorry"]),
    (GridSuspended, {}, "Your storage grid is paused", ["You have paused", "bills come as usual"]),
    (
        DeletionScheduled,
        {},
        "Your stored files are deleted on 2 March 2026, 12:00 UTC",
        ["not to keep it until the date", "Deletion begins: 2 March 2026, 12:00 UTC"],
    ),
    (
        DeletionScheduled,
        {"by_owner": False, "delete_at": START + timedelta(days=29)},
        "Your stored files are kept for now",
        ["taken back the deletion", "Kept until: 30 March 2026, 12:00 UTC"],
    ),
    (GridDeleted, {}, "Your storage grid is deleted", ["Objects removed: 12,345", "cannot be undone"]),
]


@pytest.mark.parametrize(("event", "facts", "subject", "said"), CASES)
def test_a_letter_says_what_happened_and_what_comes_next(
    event: type[Event], facts: dict[str, object], subject: str, said: list[str]
) -> None:
    message = written(event, **facts)
    text, html = body(message), body(message, "html")
    assert message["Subject"] == subject
    assert f"\n\n{ACCOUNT}\n\n" in text
    assert f'href="{ACCOUNT}"' in html
    for words in said:
        assert words in text
        for half in words.split(": ") if f"    {words}" in text else [words]:
            assert half in html
    assert "None" not in text
    assert "{" not in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize("reason", ["not-provided", "duplicate"])
def test_who_never_had_the_grid_reads_nothing_of_its_deletion(reason: str) -> None:
    text = body(written(SubscriptionEnded, reason=reason, delete_after=START))
    assert "Kept until" not in text
    assert "deleted" not in text


def test_every_kind_of_news_has_its_case_and_its_template() -> None:
    assert {case[0] for case in CASES} == set(SUBJECTS)
    templates = resources.files("s4_notifier") / "templates" / "en"
    for subject in SUBJECTS.values():
        assert (templates / f"{subject.kind}.txt").is_file()


def test_a_letter_keeps_no_address_and_no_ids_among_its_facts() -> None:
    life = Life()
    facts = letter_about(life.news(SignupPaid)).facts
    told = {life.account, life.signup, life.subscription, "reader@example.org"}
    assert not told & set(facts.values())


def test_the_same_news_is_the_same_letter_and_other_news_another() -> None:
    life = Life()
    once, again = life.news(SubscriptionRenewed), life.news(SubscriptionRenewed)
    assert letter_about(once) == letter_about(again)
    later = life.news(SubscriptionRenewed, occurred_at=START + timedelta(days=31))
    assert letter_about(later).letter_id != letter_about(once).letter_id


def test_a_letter_without_words_or_facts_waits_for_a_release_that_has_them() -> None:
    complete = owed(SubscriptionRenewed)
    for lacking in (
        msgspec.structs.replace(complete, kind="postcard"),
        msgspec.structs.replace(complete, facts={}),
        msgspec.structs.replace(complete, facts=complete.facts | {"period_end": "someday"}),
    ):
        with pytest.raises(Unwritable):
            LETTERS.message(lacking, Link(Secret(ACCOUNT)))


ENGLISH, GERMAN = Words("en"), Words("de")


@pytest.mark.parametrize(
    ("count", "english", "german"),
    [
        (250 * 10**9, "250 GB", "250 GB"),
        (10**12, "1 TB", "1 TB"),
        (1_500_000_000_000, "1.5 TB", "1,5 TB"),
        (1_234_500_000_000_000, "1,234 TB", "1.234 TB"),
        (0, "0 GB", "0 GB"),
        (1, "1 MB", "1 MB"),
        (2_000_001, "3 MB", "3 MB"),
    ],
)
def test_a_size_is_written_as_plans_are_sold(count: int, english: str, german: str) -> None:
    assert (ENGLISH.size(count), GERMAN.size(count).replace("\xa0", " ")) == (english, german)


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (59, "less than a minute", "weniger als eine Minute"),
        (60, "1 minute", "1 Minute"),
        (960, "16 minutes", "16 Minuten"),
        (3660, "1 hour 1 minute", "1 Stunde 1 Minute"),
        (90000, "25 hours", "25 Stunden"),
    ],
)
def test_an_outage_is_measured_as_people_do(seconds: int, english: str, german: str) -> None:
    assert (ENGLISH.duration(seconds), GERMAN.duration(seconds)) == (english, german)


@pytest.mark.parametrize(
    ("amount", "currency", "english", "german"),
    [
        (2500, "usd", "$25", "25 $"),
        (1, "usd", "$0.01", "0,01 $"),
        (1250, "eur", "€12.50", "12,50 €"),
        (250_000_00, "eur", "€250,000", "250.000 €"),
        (2500, "jpy", "¥2,500", "2.500 ¥"),
        (98_000, "sek", "SEK 980", "980 SEK"),
        (5_120, "kwd", "KWD 5.120", "5,120 KWD"),
        (500_00, "isk", "ISK 500", "500 ISK"),
    ],
)
def test_an_amount_is_written_with_the_cents_that_it_has(amount: int, currency: str, english: str, german: str) -> None:
    written = [words.money(amount, currency).replace("\xa0", " ") for words in (ENGLISH, GERMAN)]
    assert written == [english, german]


def test_a_moment_is_written_at_utc_wherever_it_was_said() -> None:
    moment = "2026-03-04T00:30:00+02:00"
    assert (ENGLISH.day(moment), ENGLISH.minute(moment)) == ("3 March 2026", "3 March 2026, 22:30 UTC")
    assert GERMAN.minute(moment) == "3. März 2026, 22:30 Uhr (UTC)"
    assert (ENGLISH.number(12_345), GERMAN.number(12_345)) == ("12,345", "12.345")
    assert (ENGLISH.percent(810, 1000), GERMAN.percent(819, 1000).replace("\xa0", " ")) == ("81%", "81 %")


@pytest.mark.parametrize(
    ("chosen", "written"),
    [
        (None, "en"),
        ("de", "de"),
        ("de-AT", "de"),
        ("DE_ch", "de"),
        ("en-GB", "en"),
        ("tlh", "en"),
        ("", "en"),
        ("-", "en"),
    ],
)
def test_who_chose_a_language_that_we_do_not_write_reads_english(chosen: str | None, written: str) -> None:
    assert language_of(chosen) == written
