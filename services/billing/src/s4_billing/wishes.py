"""What a person wants to buy, as web asks for it."""

from typing import Annotated, Literal

import msgspec
from email_validator import EmailNotValidError, validate_email

from s4_billing.errors import WrongWish
from s4_runtime import is_id

# docs.stripe.com/api/checkout/sessions/create, locale; for any other the page follows the browser.
_LOCALES = (
    "bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl"
    " sv th tr vi zh zh-HK zh-TW"
)


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What web asks for. There is no amount in it: what is charged is the catalogue's."""

    checkout_id: str
    account_id: str
    plan: str
    email: str
    ui: Literal["embedded", "hosted"] = "embedded"
    locale: str = "auto"
    ip_hash: Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z_-]{8,128}$")] | None = None  # whence, unrecognisably


def checked(wish: Wish) -> Wish:
    """The wish with its address in normal form: in ASCII, as web knows people by it. Raises WrongWish."""
    if not (is_id(wish.checkout_id) and is_id(wish.account_id)):
        raise WrongWish("bad-id")
    try:
        found = validate_email(wish.email, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise WrongWish("bad-email") from None
    locale = wish.locale if wish.locale in _LOCALES.split() else "auto"
    return msgspec.structs.replace(wish, email=found.ascii_email or found.normalized, locale=locale)
