"""Every letter in every language on one page, for developers: ``python tools/letters_gallery.py build/letters``."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html import escape
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from s4_contracts import billing, provisioner, web
from s4_contracts.ids import AccountId, GridId, HostId, LetterId, RefundId, RequestId, SignupId, SubscriptionId
from s4_notifier import choices, fillings, furls, outages
from s4_notifier.kinds import matter_of
from s4_notifier.letters import sign_in_letter
from s4_notifier.links import Links
from s4_notifier.news import letter_about
from s4_notifier.render import Letters
from s4_notifier.returns.verp import Returns
from s4_notifier.settings import Settings
from s4_notifier.store import Letter, OwedLetter
from s4_notifier.words import LANGUAGES
from s4_runtime import Secret, derived_id

SITE = "https://s4.example"
# How wide the windows are that letters are shown in, in pixels.
WIDE, NARROW = 640, 320
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Letters</title>
<style>
body {{ margin: 0; padding: 24px; background: #e9e9e4; color: #1c2522; font: 15px/1.5 system-ui, sans-serif; }}
nav ul {{ columns: 16em; padding-left: 1.2em; }}
article {{ margin: 40px 0 0; }}
.ways {{ display: flex; gap: 16px; overflow-x: auto; align-items: flex-start; }}
figure {{ margin: 0; }}
iframe {{ border: 1px solid #b9bfb8; height: 860px; }}
pre {{ width: 34em; margin: 0; padding: 12px; background: #fff; white-space: pre-wrap; overflow-wrap: anywhere; }}
</style>
<h1>Letters</h1>
<p>Written by <code>make letters</code> from samples; the links in them lead nowhere.</p>
<nav><ul>{contents}</ul></nav>
{articles}
</html>
"""
FRAME = (
    "<figure><figcaption>{scheme}, {width} px</figcaption>"
    '<iframe title="{title}" width="{width}" style="color-scheme: {scheme}" loading="lazy" sandbox srcdoc="{page}">'
    "</iframe></figure>"
)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
READER = "reader@example.org"
ACCOUNT, SIGNUP = AccountId(derived_id("sample", "account")), SignupId(derived_id("sample", "signup"))
GRID, REQUEST = GridId(derived_id("sample", "grid")), RequestId(derived_id("sample", "request"))
OF_GRID: dict[str, Any] = {"occurred_at": NOW, "account_id": ACCOUNT, "signup_id": SIGNUP, "grid_id": GRID}
OF_SUBSCRIPTION: dict[str, Any] = {
    "occurred_at": NOW,
    "account_id": ACCOUNT,
    "signup_id": SIGNUP,
    "subscription_id": SubscriptionId(derived_id("sample", "subscription")),
    "revision": 1,
}
MONEY: dict[str, Any] = {"amount": 2500, "currency": "usd"}
FAILED: dict[str, Any] = {**OF_SUBSCRIPTION, **MONEY, "suspends_at": NOW + 14 * DAY}
SIGNED_UP: dict[str, Any] = {**OF_SUBSCRIPTION, "plan": "personal", "email": READER}


class Sample(msgspec.Struct, frozen=True):
    """A letter as its reader gets it, under a name for developers."""

    name: str
    letter: OwedLetter


def samples(language: str | None = None) -> list[Sample]:
    """All of them, for a reader of that language."""
    made = {**_beginning(), **_payments(), **_changes(), **_grid(), **_leaving(), **_address()}
    return [
        Sample(
            name,
            OwedLetter(
                **msgspec.structs.asdict(letter),
                issued_at=NOW,
                attempts=1,
                email=letter.recipient or READER,
                language=language,
                answers=_answered(letter),
            ),
        )
        for name, letter in made.items()
    ]


def _answered(letter: Letter) -> LetterId | None:
    matter, opens = matter_of(letter)
    return None if matter is None or opens else LetterId(derived_id("sample", matter))


def _beginning() -> dict[str, Letter]:
    furl = furls.Furl(ACCOUNT, GRID, f"{GRID}:1", SIGNUP)
    first: dict[str, Any] = {**MONEY, "invoice_number": "S4-0001", "period_end": NOW + 31 * DAY}
    return {
        "receipt, first payment": letter_about(billing.SignupPaid(**SIGNED_UP, **first)),
        "trial": letter_about(billing.SignupPaid(**SIGNED_UP, trial_end=NOW + 14 * DAY)),
        "welcome": furls.letter("welcome", "sample", furl),
        "a new link": furls.letter("invite", "sample", furl),
        "reminder": furls.letter("reminder", "sample", furl),
        "checklist, day 1": furls.letter("checklist-1", "sample", furl),
        "checklist, day 7": furls.letter("checklist-7", "sample", furl),
        "sign-in": sign_in_letter(web.SignInRequested(occurred_at=NOW, account_id=ACCOUNT, request_id=REQUEST)),
    }


def _payments() -> dict[str, Letter]:
    renewed = billing.SubscriptionRenewed(
        **OF_SUBSCRIPTION, **MONEY, period_end=NOW + 31 * DAY, invoice_number="S4-0007"
    )
    bare = billing.SubscriptionRenewed(
        **OF_SUBSCRIPTION, amount=1250, currency="eur", period_end=None, invoice_number=None
    )
    tries: dict[str, dict[str, Any]] = {
        "payment failed, first": {"attempt": 1, "next_attempt_at": NOW + 3 * DAY},
        "payment failed, middle": {"attempt": 2, "next_attempt_at": NOW + 5 * DAY},
        "payment failed, last": {"attempt": 4, "next_attempt_at": None},
        "payment failed, confirm": {"attempt": 1, "next_attempt_at": None, "must_confirm": True},
    }
    made = {name: letter_about(billing.PaymentFailed(**FAILED, **how)) for name, how in tries.items()}
    stops = {f"suspended, {reason}": reason for reason in ("unpaid", "disputed", "paused")}
    refunds = {f"refund, {reason}": reason for reason in ("other", "not-provided", "duplicate", "goodwill")}
    return {
        "receipt": letter_about(renewed),
        "receipt, few facts": letter_about(bare),
        **made,
        "payment recovered": letter_about(billing.PaymentRecovered(**OF_SUBSCRIPTION, **MONEY)),
        **{
            name: letter_about(billing.ServiceSuspended(**OF_SUBSCRIPTION, reason=reason))  # type: ignore[arg-type]  # from the lines above
            for name, reason in stops.items()
        },
        **{
            name: letter_about(
                billing.RefundIssued(**OF_SUBSCRIPTION, **MONEY, refund_id=RefundId(REQUEST), reason=reason)  # type: ignore[arg-type]  # from the lines above
            )
            for name, reason in refunds.items()
        },
    }


def _changes() -> dict[str, Letter]:
    larger = billing.PlanChanged(**OF_SUBSCRIPTION, plan="studio", previous_plan="personal", quota_bytes=4 * 10**12)
    bare = billing.PlanChanged(**OF_SUBSCRIPTION, plan="studio", previous_plan=None, quota_bytes=None)
    return {"plan changed": letter_about(larger), "plan changed, few facts": letter_about(bare)}


def _grid() -> dict[str, Letter]:
    host = HostId(derived_id("sample", "host"))
    lost = provisioner.InstanceLost(**OF_GRID, host_id=host, code="host-gone")
    back = provisioner.InstanceRecovered(**OF_GRID, host_id=host, proved_at=NOW, seconds=3900.0)
    full = {80: 210 * 10**9, 100: 263 * 10**9}
    measured = {
        mark: provisioner.UsageMeasured(
            **OF_GRID, stored_bytes=stored, objects=12_345, quota_bytes=250 * 10**9, measured_at=NOW
        )
        for mark, stored in full.items()
    }
    return {
        "incident": outages.letter_of("lost", lost),
        "incident, its end": outages.letter_of("recovered", back),
        "filling": fillings.letter_of(measured[80], 80),
        "full": fillings.letter_of(measured[100], 100),
        "paused by its owner": letter_about(provisioner.GridSuspended(**OF_GRID, reason="owner")),
        "resumed": letter_about(provisioner.GridResumed(**OF_GRID, proved_at=NOW)),
    }


def _leaving() -> dict[str, Letter]:
    reasons = ("cancelled", "unpaid", "disputed", "not-provided", "duplicate", "other")
    asked: dict[str, Any] = {"delete_at": NOW + DAY, "by_owner": True, "revision": 1}
    undone: dict[str, Any] = {"delete_at": NOW + 29 * DAY, "by_owner": False, "revision": 2}
    ended = {
        f"ended, {reason}": letter_about(
            billing.SubscriptionEnded(**OF_SUBSCRIPTION, reason=reason, delete_after=NOW + 30 * DAY)  # type: ignore[arg-type]  # from the line above
        )
        for reason in reasons
    }
    return {
        "cancelled": letter_about(billing.CancellationScheduled(**OF_SUBSCRIPTION, ends_at=NOW + 9 * DAY)),
        "cancellation undone": letter_about(billing.CancellationReverted(**OF_SUBSCRIPTION)),
        **ended,
        "deletion at the owner's wish": letter_about(provisioner.DeletionScheduled(**OF_GRID, **asked)),
        "deletion undone": letter_about(provisioner.DeletionScheduled(**OF_GRID, **undone)),
        "deleted": letter_about(provisioner.GridDeleted(**OF_GRID, objects=12_345)),
    }


def _address() -> dict[str, Letter]:
    other = "somebody@example.net"
    return {
        "another address, to the old one": choices.letter_of("email-old", REQUEST, ACCOUNT, "old", READER),
        "another address, to the new one": choices.letter_of("email-new", REQUEST, ACCOUNT, "new", other),
        "address changed, to the old one": choices.letter_of("email-changed", REQUEST, ACCOUNT, "old", READER),
        "address changed, to the new one": choices.letter_of("email-changed", REQUEST, ACCOUNT, "new", other),
    }


def page() -> str:
    """The whole gallery."""
    letters = {language: written(samples(language)) for language in LANGUAGES}
    names = [sample.name for sample in samples()]
    contents = "".join(f'<li><a href="#{anchor(name)}-en">{escape(name)}</a></li>' for name in names)
    shown = [(name, language) for name in names for language in LANGUAGES]
    articles = "".join(_article(name, language, letters[language][name]) for name, language in shown)
    return PAGE.format(contents=contents, articles=articles)


def written(letters: Sequence[Sample]) -> dict[str, EmailMessage]:
    """The messages of the samples, by their names."""
    raw = Ed25519PrivateKey.from_private_bytes(bytes(32))  # signs links that lead nowhere
    settings = Settings(
        database_url=Secret("none"),
        amqp_url=Secret("none"),
        deployment="gallery",
        smtp_host="none",
        smtp_port=0,
        smtp_user="none",
        smtp_password=Secret("none"),
        mail_from="S4 <hello@s4.example>",
        public_url=SITE,
        claim_private_key=Secret(raw.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()),
    )
    words, links = Letters(settings.mail_from, SITE, Returns(settings)), Links(settings)
    return {sample.name: words.message(sample.letter, links.of(sample.letter)) for sample in letters}


def _article(name: str, language: str, message: EmailMessage) -> str:
    text, html = _body(message, "plain"), _body(message, "html")
    headers = "\n".join(f"{header}: {value}" for header, value in message.items() if not header.startswith("Content-T"))
    frames = "".join(
        FRAME.format(scheme=scheme, width=width, title=escape(f"{name}, {language}"), page=escape(_in(scheme, html)))
        for scheme, width in (("light", WIDE), ("dark", WIDE), ("light", NARROW), ("dark", NARROW))
    )
    return (
        f'<article id="{anchor(name)}-{language}"><h2>{escape(name)} ({language})</h2>'
        f'<div class="ways">{frames}<pre>{escape(headers)}\n\n{escape(text)}</pre></div></article>\n'
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part else ""


def _in(scheme: str, html: str) -> str:
    """As a reader's program shows it that is set to dark or to light, whatever the developer's browser is set to."""
    return html.replace("(prefers-color-scheme: dark)", "all" if scheme == "dark" else "not all")


def anchor(name: str) -> str:
    """Where the letter stands on the page, without its language."""
    return name.replace(", ", "-").replace(" ", "-").replace("'", "")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(page(), encoding="utf-8")
    print(folder / "index.html")
