"""Numbers as people read them."""

_SIGNS = {"usd": "$", "eur": "€", "gbp": "£"}
_WITHOUT_MINOR = frozenset({"jpy", "krw", "vnd", "clp", "isk", "ugx"})  # ISO 4217: no minor unit


def price(amount: int, currency: str) -> str:
    """The amount, given in minor units, with its currency: "$25", "€12.50", "980 SEK"."""
    is_whole = currency.lower() in _WITHOUT_MINOR
    number = f"{amount:,}" if is_whole else f"{amount / 100:,.2f}".removesuffix(".00")
    sign = _SIGNS.get(currency.lower())
    return f"{sign}{number}" if sign else f"{number} {currency.upper()}"


def size(count: int) -> str:
    """A number of bytes in decimal units, as disks are sold."""
    amount, units = float(count), ["bytes", "KB", "MB", "GB", "TB", "PB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        del units[0]
    return f"{amount:.3g} {units[0]}"


def duration(seconds: float) -> str:
    """A short time to a tenth of a second, a longer one to the second."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
