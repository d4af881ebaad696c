"""What a person typed into the payment page."""

from collections.abc import Mapping
from dataclasses import dataclass

from s4_devcloud.stripe.cards import Card, CardRejected, Issuers
from s4_devcloud.stripe.resources.payment_methods import Payer
from s4_devcloud.stripe.wire import Wire

COUNTRIES = {
    "AT": "Austria",
    "AU": "Australia",
    "BE": "Belgium",
    "CA": "Canada",
    "CH": "Switzerland",
    "CZ": "Czechia",
    "DE": "Germany",
    "DK": "Denmark",
    "ES": "Spain",
    "FI": "Finland",
    "FR": "France",
    "GB": "United Kingdom",
    "IE": "Ireland",
    "IT": "Italy",
    "JP": "Japan",
    "NL": "Netherlands",
    "NO": "Norway",
    "NZ": "New Zealand",
    "PL": "Poland",
    "PT": "Portugal",
    "SE": "Sweden",
    "US": "United States",
}
_LONGEST = 200  # characters of any field
_ORDER = ("email", "number", "expiry", "cvc", "name", "country", "postal_code", "terms")  # as on the page


class FormRejected(Exception):
    """The form has mistakes. `problems` has a sentence for each wrong field."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(", ".join(sorted(problems)))
        self.problems = problems


@dataclass(frozen=True)
class Asked:
    """What a form asks for beside the card: an address unless it is known, and consent if it is required."""

    email: str | None
    terms: bool = False


@dataclass(frozen=True)
class Typed:
    """A form without mistakes."""

    card: Card
    payer: Payer
    consented: bool


def asked_by(session: Wire) -> Asked:
    """What the page of a checkout session asks for."""
    details = session["customer_details"] or {}
    terms = (session["consent_collection"] or {}).get("terms_of_service") == "required"
    return Asked(details.get("email"), terms)


def read(fields: Mapping[str, str], asked: Asked, issuers: Issuers, now: int) -> Typed:
    """The card and who pays. Raises FormRejected."""
    sent = {name: value.strip()[:_LONGEST] for name, value in fields.items()}
    problems = _payer_problems(sent, asked)
    card: Card | None = None
    try:
        card = issuers.read(sent.get("number", ""), sent.get("expiry", ""), sent.get("cvc", ""), now)
    except CardRejected as rejected:
        problems = {**rejected.problems, **problems}
    if problems or card is None:
        raise FormRejected({field: problems[field] for field in _ORDER if field in problems})
    payer = Payer(sent["name"], asked.email or sent["email"], sent["country"], sent["postal_code"])
    return Typed(card, payer, consented=sent.get("terms") == "yes")


def kept(fields: Mapping[str, str]) -> dict[str, str]:
    """What may be shown again after a mistake: never the card."""
    return {name: fields.get(name, "")[:_LONGEST] for name in ("email", "name", "country", "postal_code")}


def _payer_problems(sent: Mapping[str, str], asked: Asked) -> dict[str, str]:
    problems: dict[str, str] = {}
    if asked.email is None and "@" not in sent.get("email", ""):
        problems["email"] = "Your email address is incomplete."
    if not sent.get("name"):
        problems["name"] = "The name on the card is missing."
    if sent.get("country") not in COUNTRIES:
        problems["country"] = "Choose a country."
    if not sent.get("postal_code"):
        problems["postal_code"] = "Your postal code is incomplete."
    if asked.terms and sent.get("terms") != "yes":
        problems["terms"] = "Accept the terms of service to go on."
    return problems
