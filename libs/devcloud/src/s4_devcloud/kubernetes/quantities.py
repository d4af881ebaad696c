"""Amounts as Kubernetes writes them: 250m, 64Mi, 1.5."""

import re
from decimal import Decimal

_SUFFIXES = {
    "": Decimal(1), "m": Decimal("0.001"), "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9),
    "T": Decimal(10**12), "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
}  # fmt: skip
_SHAPE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([a-zA-Z]*)")


def amount(text: str | float) -> Decimal:
    """The number that is written. Raises ValueError."""
    found = _SHAPE.fullmatch(str(text))
    if found is None or found[2] not in _SUFFIXES:
        raise ValueError(f"{text!r} is not a quantity")
    return Decimal(found[1]) * _SUFFIXES[found[2]]
