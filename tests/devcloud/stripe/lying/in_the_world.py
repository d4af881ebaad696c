"""Lies of the world behind the API: what is kept, what time does, what is told."""

import contextlib
import copy
import dataclasses
from collections.abc import Iterator

from devcloud.stripe import (
    test_control,
    test_idempotency,
    test_payment_page,
    test_portal_pages,
    test_sessions,
    test_transactions,
    test_webhooks,
)
from devcloud.stripe.behaviour import test_requests
from devcloud.stripe.lying.lie import Lie, Rewriting, manners, time_forgets
from s4_devcloud.stripe.cards import Card, Issuers
from s4_devcloud.stripe.clock import Clock
from s4_devcloud.stripe.faults import Fault, Faults
from s4_devcloud.stripe.idempotency import Answer, Keys
from s4_devcloud.stripe.store import NOBODY, Cause, Store, Transaction
from s4_devcloud.stripe.wire import Wire


class NoKeys(Keys):
    def begin(self, key: str, fingerprint: str) -> Answer | None:
        self._entries.pop(key, None)
        return super().begin(key, fingerprint)


class AnyParameters(Keys):
    def begin(self, key: str, fingerprint: str) -> Answer | None:
        return super().begin(key, fingerprint[:0])


class EternalKeys(Keys):
    def begin(self, key: str, fingerprint: str) -> Answer | None:
        if key in self._entries:
            self._entries[key].began_at = self._clock.now()
        return super().begin(key, fingerprint)


class TwoAtOnce(Keys):
    def begin(self, key: str, fingerprint: str) -> Answer | None:
        self.end(key)
        return super().begin(key, fingerprint)


class OnlyGoodNews(Keys):
    def keep(self, key: str, answer: Answer) -> None:
        if answer.status == 200:
            super().keep(key, answer)


class NoFaults(Faults):
    def take(self, method: str, path: str) -> Fault | None:
        super().take(method, path)
        return None


class EveryCardIsGood(Issuers):
    def read(self, number: str, expiry: str, cvc: str, now: int) -> Card:
        return dataclasses.replace(super().read(number, expiry, cvc, now), behaviour="ok")


class StoppedClock(Clock):
    def advance(self, seconds: int) -> int:
        super().advance(seconds)
        self._ahead = 0
        return self.now()


class ToldTooSoon(Store):
    """What is told goes out although the change is then undone."""

    @contextlib.contextmanager
    def transaction(self, cause: Cause = NOBODY, now: int | None = None) -> Iterator[Transaction]:
        with super().transaction(cause, now) as change:
            try:
                yield change
            except BaseException:
                for event in change.events(cause):
                    self._objects.setdefault("event", {})[event["id"]] = event
                    for listener in self._listeners:
                        listener(copy.deepcopy(event))
                raise


class HalfDone(Store):
    """A request that is refused leaves what it had done until then."""

    @contextlib.contextmanager
    def transaction(self, cause: Cause = NOBODY, now: int | None = None) -> Iterator[Transaction]:
        with super().transaction(cause, now) as change:
            try:
                yield change
            except BaseException:
                self._commit(change, cause)
                raise


class _WithoutBefore(Transaction):
    def tell(self, event_type: str, thing: Wire, previous: Wire | None = None) -> None:
        super().tell(event_type, thing, previous and {})


class NothingBefore(Store):
    @contextlib.contextmanager
    def transaction(self, cause: Cause = NOBODY, now: int | None = None) -> Iterator[Transaction]:
        with super().transaction(cause, now) as change:
            change.__class__ = _WithoutBefore
            yield change


class NobodyAsked(Store):
    @contextlib.contextmanager
    def transaction(self, cause: Cause = NOBODY, now: int | None = None) -> Iterator[Transaction]:
        with super().transaction(dataclasses.replace(cause, request_id=None, idempotency_key=None), now) as change:
            yield change


class AlwaysOpen(Rewriting):
    kind = "checkout.session"

    def rewrite(self, row: Wire) -> None:
        row["status"] = "open"


class EternalAddresses(Rewriting):
    kind = "_portal"

    def rewrite(self, row: Wire) -> None:
        row["created"] += 10 * 365 * 24 * 3600


LIES = [
    Lie(
        "idempotency keys are ignored",
        test_idempotency.test_the_same_key_makes_one_customer_and_says_that_it_repeats,
        manners("keys", NoKeys),
    ),
    Lie(
        "a key may be used for something else",
        test_requests.test_the_same_key_for_something_else_is_refused,
        manners("keys", AnyParameters),
    ),
    Lie(
        "two may use a key at once",
        test_idempotency.test_a_key_in_use_is_409,
        manners("keys", TwoAtOnce),
    ),
    Lie(
        "errors are not replayed",
        test_idempotency.test_an_internal_error_is_replayed_too,
        manners("keys", OnlyGoodNews),
    ),
    Lie("keys are kept for ever", test_idempotency.test_a_key_is_forgotten_after_a_day, manners("keys", EternalKeys)),
    Lie(
        "a rate limit has no effect",
        test_control.test_a_rate_limit_is_the_sdks_rate_limit_error,
        manners("faults", NoFaults),
    ),
    Lie(
        "declined cards pay",
        test_webhooks.test_a_decline_tells_of_the_failed_payment_only,
        manners("issuers", EveryCardIsGood),
    ),
    Lie(
        "the clock stands still",
        test_sessions.test_an_abandoned_session_expires_by_the_clock,
        manners("clock", StoppedClock),
    ),
    Lie(
        "events go out before the change is sure",
        test_transactions.test_a_request_that_is_refused_at_the_end_tells_nothing,
        manners("store", ToldTooSoon),
    ),
    Lie(
        "a refused request leaves half of its work",
        test_transactions.test_a_request_that_is_refused_at_the_end_leaves_nothing,
        manners("store", HalfDone),
    ),
    Lie(
        "events do not say what was before",
        test_requests.test_a_change_is_told_with_what_was_before,
        manners("store", NothingBefore),
    ),
    Lie(
        "events do not name their request",
        test_webhooks.test_an_event_names_the_request_that_caused_it,
        manners("store", NobodyAsked),
    ),
    Lie(
        "a session can be paid twice",
        test_payment_page.test_a_double_click_pays_once,
        manners("store", AlwaysOpen),
    ),
    Lie(
        "abandoned sessions stay open",
        test_sessions.test_an_abandoned_session_expires_by_the_clock,
        time_forgets("checkout.session"),
    ),
    Lie(
        "a portal's address never expires",
        test_portal_pages.test_an_address_lives_five_minutes_unseen_and_an_hour_once_opened,
        manners("store", EternalAddresses),
    ),
]
