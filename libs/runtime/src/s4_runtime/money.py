"""Amounts of money as people read them."""

import re

# How Stripe counts an amount (docs.stripe.com/currencies: "Zero-decimal", "Three-decimal", "Special cases"). It is not
# always how ISO 4217 does: ISK and UGX have no cents any more, and are counted in hundredths all the same.
_WHOLE = re.compile("bif|clp|djf|gnf|jpy|kmf|krw|mga|pyg|rwf|vnd|vuv|xaf|xof|xpf")
_THOUSANDTHS = re.compile("bhd|jod|kwd|omr|tnd")
_SIGNS = {"usd": "$", "eur": "€", "gbp": "£"}


def minor_digits(currency: str) -> int:
    """How many digits of an amount at Stripe stand behind the point: 2 for most currencies."""
    code = currency.lower()
    if _WHOLE.fullmatch(code):
        return 0
    return 3 if _THOUSANDTHS.fullmatch(code) else 2


def money(amount: int, currency: str, *, in_full: bool = False) -> str:
    """The amount, given in minor units, with its currency: "$25", "-€12.50", "980 SEK", "5.120 KWD".

    ``in_full``: with all its digits, as they stand in a column of amounts: "$25.00".
    """
    digits = minor_digits(currency)
    whole, part = divmod(abs(amount), 10**digits)
    number = f"{whole:,}.{part:0{digits}d}" if part or (in_full and digits) else f"{whole:,}"
    minus = "-" if amount < 0 else ""
    sign = _SIGNS.get(currency.lower())
    return f"{minus}{sign}{number}" if sign else f"{minus}{number} {currency.upper()}"
