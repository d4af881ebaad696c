"""Test cards: what a typed card is, and how its issuer behaves.

Numbers and messages follow Stripe's public page on testing. A number never goes further than this module: what is
kept is the brand, the last four digits and a fingerprint.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

Behaviour = Literal[
    "ok",
    "authenticate",
    "generic_decline",
    "insufficient_funds",
    "lost_card",
    "stolen_card",
    "expired_card",
    "incorrect_cvc",
    "processing_error",
    "fraudulent",
    "test_mode_live_card",
    "always_authenticate",
    "decline_after_attach",
    "dispute_fraudulent",
    "dispute_not_received",
    "dispute_inquiry",
    "early_fraud_warning",
    "refund_pending",
    "refund_fails",
]

_KNOWN: Mapping[str, Behaviour] = {
    "4242424242424242": "ok",
    "4000056655665556": "ok",
    "5555555555554444": "ok",
    "378282246310005": "ok",
    "4000002500003155": "authenticate",
    "4000000000003220": "authenticate",
    "4000002760003184": "always_authenticate",
    "4000000000000002": "generic_decline",
    "4000000000009995": "insufficient_funds",
    "4000000000009987": "lost_card",
    "4000000000009979": "stolen_card",
    "4000000000000069": "expired_card",
    "4000000000000127": "incorrect_cvc",
    "4000000000000119": "processing_error",
    "4100000000000019": "fraudulent",
    "4000000000000341": "decline_after_attach",
    "4000000000000259": "dispute_fraudulent",
    "4000000000002685": "dispute_not_received",
    "4000000000001976": "dispute_inquiry",
    "4000000000005423": "early_fraud_warning",
    "4000000000007726": "refund_pending",
    "4000000000005126": "refund_fails",
}
_PAY: tuple[Behaviour, ...] = (
    *("ok", "authenticate", "always_authenticate", "dispute_fraudulent", "dispute_not_received", "dispute_inquiry"),
    *("early_fraud_warning", "refund_pending", "refund_fails"),
)
_MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "test_mode_live_card": (
        "Your card was declined. Your request was in test mode, but used a non test card. "
        "For a list of valid test cards, visit: https://stripe.com/docs/testing."
    ),
}
_OWN_CODES = ("expired_card", "incorrect_cvc", "processing_error")  # not under the code card_declined


_TEST_METHODS: Mapping[str, str] = {
    "pm_card_visa": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_radarBlock": "4100000000000019",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_createDisputeInquiry": "4000000000001976",
    "pm_card_createIssuerFraudRecord": "4000000000005423",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
}
"""The payment methods of Stripe's test mode that name a card above."""


@dataclass(frozen=True)
class Decline:
    """Why an issuer refused."""

    code: str
    decline_code: str | None
    message: str


def decline_of(behaviour: Behaviour) -> Decline | None:
    """The refusal that belongs to a behaviour; None when the issuer accepts."""
    if behaviour in _PAY:
        return None
    if behaviour == "decline_after_attach":
        behaviour = "generic_decline"
    message = _MESSAGES.get(behaviour, "Your card was declined.")
    if behaviour in _OWN_CODES:
        return Decline(behaviour, None, message)
    return Decline("card_declined", behaviour, message)


def wants_cardholder(behaviour: Behaviour, *, off_session: bool = False) -> bool:
    """Whether the issuer asks the cardholder to authenticate; off session most are content with the first time."""
    return behaviour == "always_authenticate" or (behaviour == "authenticate" and not off_session)


@dataclass(frozen=True)
class Card:
    """A card as it may be kept."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str
    behaviour: Behaviour


def card_of_test_mode(name: str) -> Card | None:
    """The card behind a payment method of the test mode."""
    number = _TEST_METHODS.get(name)
    if number is None:
        return None
    return Card(_brand(number), number[-4:], 12, 2034, _fingerprint(number), _KNOWN[number])


class CardRejected(Exception):
    """What was typed is not a card. `problems` has a sentence for each wrong field."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(", ".join(sorted(problems)))
        self.problems = problems


class Issuers:
    """How each number behaves; changed through the control port."""

    def __init__(self) -> None:
        self._behaviours: dict[str, Behaviour] = dict(_KNOWN)

    def behave(self, number: str, behaviour: Behaviour) -> str:
        """Let a number behave so from now on; returns its fingerprint. Raises ValueError for an unknown behaviour."""
        if behaviour not in get_args(Behaviour):
            raise ValueError(f"behaviour must be one of {', '.join(get_args(Behaviour))}")
        digits = _digits(number)
        self._behaviours[digits] = behaviour
        return _fingerprint(digits)

    def known(self) -> dict[str, Behaviour]:
        """The test numbers and their behaviour."""
        return dict(self._behaviours)

    def reset(self) -> None:
        """Return to the published test cards."""
        self._behaviours = dict(_KNOWN)

    def read(self, number: str, expiry: str, cvc: str, now: int) -> Card:
        """The card that was typed. Raises CardRejected."""
        digits, brand = _digits(number), _brand(_digits(number))
        problems = {"number": _number_problem(digits, brand), "cvc": _cvc_problem(cvc, brand)}
        month, year, problems["expiry"] = _expiry(expiry, now)
        found = {field: problem for field, problem in problems.items() if problem}
        if found:
            raise CardRejected(found)
        behaviour = self._behaviours.get(digits, "test_mode_live_card")
        return Card(brand, digits[-4:], month, year, _fingerprint(digits), behaviour)


def _fingerprint(digits: str) -> str:
    return hashlib.sha256(b"s4 stand-in card " + digits.encode()).hexdigest()[:16]


def _digits(text: str) -> str:
    return re.sub(r"[\s-]", "", text)


def _brand(digits: str) -> str:
    if digits.startswith("4"):
        return "visa"
    if re.match(r"5[1-5]|2[2-7]", digits):
        return "mastercard"
    return "amex" if re.match(r"3[47]", digits) else "unknown"


def _number_problem(digits: str, brand: str) -> str:
    length = {"amex": 15, "visa": 16, "mastercard": 16}.get(brand, 12)
    if not digits.isascii() or not digits.isdigit() or len(digits) < length:
        return "Your card number is incomplete."
    return "" if len(digits) <= max(length, 16) and passes_luhn(digits) else "Your card number is invalid."


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _cvc_problem(cvc: str, brand: str) -> str:
    length = 4 if brand == "amex" else 3
    right = cvc.isascii() and cvc.isdigit() and len(cvc) == length
    return "" if right else "Your card's security code is incomplete."


def _expiry(text: str, now: int) -> tuple[int, int, str]:
    """Month, year, and what is wrong with them."""
    found = re.fullmatch(r"\s*(\d{1,2})\s*/?\s*(\d{2}|\d{4})\s*", text, re.ASCII)
    if found is None or not 1 <= int(found[1]) <= 12:
        return 0, 0, "Your card's expiration date is incomplete."
    month, year = int(found[1]), int(found[2]) % 100 + 2000
    today = datetime.fromtimestamp(now, UTC)
    if (year, month) < (today.year, today.month):
        return month, year, "Your card's expiration date is in the past."
    return month, year, ""
