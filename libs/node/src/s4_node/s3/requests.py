"""One request to S3: signed, sent, and sent again within its time until there is an answer."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from s4_node.s3.addresses import address_of, query_text
from s4_node.s3.bodies import Payload
from s4_node.s3.connections import Answer, Broken, exchange
from s4_node.s3.documents import error_code
from s4_node.s3.errors import ConditionFailed, Damaged, NoCredentials, S3Error, Unavailable
from s4_node.s3.keys import Keys, KeysMissing, key_source
from s4_node.s3.refusals import Refusal, refusal
from s4_node.s3.signing import sign
from s4_node.s3.values import Store

EMPTY = Payload(b"")


class Observe(Protocol):
    """Told of every HTTP attempt; `outcome` is `ok`, S3's code, or ours where there was no answer."""

    def __call__(self, operation: str, outcome: str, seconds: float, sent: int, received: int) -> None:
        """Never raises; called from any thread."""


def no_one(operation: str, outcome: str, seconds: float, sent: int, received: int) -> None:
    """Observe nothing."""


@dataclass(frozen=True)
class Patience:
    """How long S3 is waited for, in seconds. Tahoe-LAFS' clients give up after 60."""

    whole: float = 45.0  # all attempts of one request
    silence: float = 15.0  # without a byte
    connecting: float = 5.0
    first_pause: float = 0.1  # at most; doubled each time, and drawn at random
    longest_pause: float = 5.0
    refusals: int = 5  # attempts that bring damaged bytes, or find somebody else writing


class Spoiled(Exception):
    """What arrived is not what S3 said it would be; `code` says how. Asked again it may be."""

    def __init__(self, code: str, kind: type[S3Error] = Damaged) -> None:
        super().__init__(code)
        self.code, self.kind = code, kind


def nothing_to_check(answer: Answer) -> None:
    """Accept any answer."""


@dataclass
class Call:
    """One request, however often it is sent. `doubtful`: an attempt without an answer may have been carried out."""

    operation: str
    method: str
    key: str = ""  # whole
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    payload: Payload = EMPTY
    good: tuple[int, ...] = (200, 204, 206)
    check: Callable[[Answer], None] = nothing_to_check  # raises Spoiled
    waits_for_others: bool = False  # when somebody else writes the same object at this moment (409)
    doubtful: bool = False


@dataclass
class _Attempts:
    until: float  # monotonic
    made: int = 0
    refused: int = 0
    lost: int = 0
    keys_changed: bool = False


class Requests:
    """Of one store; thread-safe."""

    def __init__(self, store: Store, observe: Observe, patience: Patience) -> None:
        self._store, self._observe, self._patience = store, observe, patience
        self._address = address_of(store)
        self._keys = key_source(store.credentials)

    def send(self, call: Call) -> Answer:
        """The answer, one of the good ones. Raises S3Error."""
        attempts = _Attempts(until=time.monotonic() + self._patience.whole)
        while True:
            keys = self._current_keys(call)
            result = self._attempt(call, keys, attempts.until)
            if isinstance(result, Answer):
                return result
            attempts.made += 1
            if result.stale and not attempts.keys_changed and self._keys.newer_than(keys):
                attempts.keys_changed = True
                continue
            if not result.again or not self._pause(result, attempts):
                raise result.error

    def _current_keys(self, call: Call) -> Keys:
        try:
            return self._keys.current()
        except KeysMissing as missing:
            raise NoCredentials(call.operation, missing.code) from None

    def _attempt(self, call: Call, keys: Keys, until: float) -> Answer | Refusal:
        target = self._address.target(call.key, query_text(call.query))
        headers = {**call.headers, "User-Agent": "s4-node"}
        if call.payload.length or call.method in ("PUT", "POST"):
            headers["Content-Length"] = str(call.payload.length)
        signed = sign(
            self._address.url(target), headers, call.payload, method=call.method, keys=keys, region=self._store.region
        )
        pieces = call.payload.pieces() if call.payload.length else None
        left = max(until - time.monotonic(), 0.5)
        silence = (min(self._patience.connecting, left), min(self._patience.silence, left))
        began = time.monotonic()
        received = 0
        outcome = "ok"
        try:
            answer = exchange(self._address, call.method, target, signed, pieces=pieces, silence=silence, until=until)
            received = len(answer.body)
            refused = self._refused(call, answer)
            if refused is None:
                return answer
            outcome = refused.error.code
        except Broken as broken:
            outcome = broken.code
            refused = _no_answer(call, broken)
        finally:
            self._observe(call.operation, outcome, time.monotonic() - began, call.payload.length, received)
        return refused

    def _refused(self, call: Call, answer: Answer) -> Refusal | None:
        late_error = call.method == "POST" and answer.status == 200 and error_code(answer.body)
        if late_error or answer.status not in call.good:
            refused = refusal(call.operation, answer)
            call.doubtful |= refused.again
            return replace(refused, again=refused.again or (call.waits_for_others and answer.status == 409))
        try:
            call.check(answer)
        except Spoiled as spoiled:
            call.doubtful = True
            return Refusal(spoiled.kind(call.operation, spoiled.code, answer.status), again=True)
        return None

    def _pause(self, refused: Refusal, attempts: _Attempts) -> bool:
        """Wait before the next attempt; False when there is no time or no sense left for one."""
        if isinstance(refused.error, Damaged | ConditionFailed):
            attempts.refused += 1
            if attempts.refused >= self._patience.refusals:
                return False
        lost = refused.error.code == "ConnectionLost"
        attempts.lost += lost
        longest = min(self._patience.first_pause * 2 ** min(attempts.made, 16), self._patience.longest_pause)
        pause = max(random.uniform(0, longest), refused.after)  # noqa: S311  spreads requests, guards nothing
        if lost and attempts.lost == 1:
            pause = 0.0  # S3 had closed a connection that was kept
        if time.monotonic() + pause >= attempts.until:
            return False
        time.sleep(pause)
        return True


def _no_answer(call: Call, broken: Broken) -> Refusal:
    call.doubtful |= broken.code not in {"NameNotFound", "NotConnected", "CertificateRefused"}
    return Refusal(Unavailable(call.operation, broken.code), again=not broken.final)
