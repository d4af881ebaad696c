import string
from datetime import UTC, datetime

import msgspec
import pytest

from s4_contracts import EVENTS, Event, routing_key
from s4_runtime.words import size
from s4_support.records import facts_of
from s4_support.timeline import Told
from s4_support.words import SAID, fact, masked, moment_of, said, shown
from support.support_page import START, Customer


def told(event: Event) -> Told:
    return Told("0193d5a0-0000-7000-8000-00000000abcd", routing_key(event), START, "story", facts_of(event))


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_every_event_is_said_in_words_with_facts_that_it_has(kind: type[Event]) -> None:
    words = SAID[routing_key(kind)]
    fields = {field.name for field in msgspec.structs.fields(kind)} | {"operator", "reason"}
    named = {name for _, name, _, _ in string.Formatter().parse(words) if name}
    assert named <= fields
    assert "{" not in said(told(Customer().event(kind)))


def test_no_words_are_left_of_events_that_are_gone() -> None:
    assert set(SAID) == {routing_key(kind) for kind in EVENTS}


def test_an_event_of_a_newer_release_is_called_by_its_name() -> None:
    unknown = Told("id", "web.something-new.v3", START, "story", {})
    assert said(unknown) == "web: something-new"


def test_a_fact_that_is_missing_is_said_to_be() -> None:
    assert said(Told("id", "notifier.letter-sent.v1", START, "story", {})) == "Letter sent: not told"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("quota_bytes", None, "none"),
        ("final", True, "yes"),
        ("plans", [], "none"),
        ("plans", ["a", "b"], "a, b"),
        ("stored_bytes", 999, "999 bytes"),
        ("proof_seconds", 1.5, "1.5 s"),
        ("period_end", "2026-03-31T12:00:00Z", "31 March 2026, 12:00 UTC"),
        ("ends_at", "2026-03-31T14:00:00+02:00", "31 March 2026, 12:00 UTC"),
        ("code", "2026-99-99T12:00:00Z", "2026-99-99T12:00:00Z"),
        ("position", 3, "3"),
    ],
)
def test_facts_are_shown_with_their_units(name: str, value: object, words: str) -> None:
    assert fact(name, value) == words


def test_an_amount_is_shown_with_its_currency() -> None:
    assert shown({"amount": 1250, "currency": "eur"}) == {"amount": "€12.50"}
    assert shown({"amount": 5, "currency": "jpy"}) == {"amount": "5 JPY"}


def test_a_time_without_a_zone_is_no_moment() -> None:
    assert moment_of("2026-03-31T12:00:00.0") is None
    assert moment_of(7) is None
    assert moment_of("2026-03-31T12:00:00Z") == datetime(2026, 3, 31, 12, tzinfo=UTC)


def test_sizes_are_in_decimal_units() -> None:
    assert [size(count) for count in (0, 1500, 25 * 10**10, 10**18)] == ["0 bytes", "1.5 KB", "250 GB", "1e+03 PB"]


@pytest.mark.parametrize(
    ("email", "shown_as"),
    [("ada@example.org", "a•••@e•••.org"), ("a@b.co.uk", "a•••@b•••.uk"), ("x@localhost", "x•••@l•••")],
)
def test_a_masked_address_can_be_recognised_and_not_learnt(email: str, shown_as: str) -> None:
    assert masked(email) == shown_as
