"""Automatic tax as this stand-in knows it: one flat rate for everybody whose country is known.

Stripe's rates depend on where seller and buyer are. Here they do not; what is imitated is where tax shows and how it
adds up: line by line, rounded per line, on top of prices unless a price says that it includes tax.
"""

from s4_devcloud.stripe.billing.rounding import share
from s4_devcloud.stripe.wire import Wire

PERCENT = 19
_RATE_ID = "txr_standin19percent"
_UNTAXED = {"exempt": "customer_exempt", "reverse": "reverse_charge"}


def is_located(customer: Wire) -> bool:
    """Whether tax can be calculated for the customer."""
    return bool((customer["address"] or {}).get("country"))


def taxes_on(amount: int, price: Wire, exemption: str) -> list[Wire]:
    """The taxes on one line. `exemption` is the customer's tax_exempt."""
    inclusive = price["tax_behavior"] == "inclusive"
    tax = share(amount, PERCENT, 100 + PERCENT if inclusive else 100)
    reason = _UNTAXED.get(exemption)
    taxable = amount - tax if inclusive else amount
    return [
        {
            "amount": tax if reason is None else 0,
            "tax_behavior": "inclusive" if inclusive else "exclusive",
            "tax_rate_details": {"tax_rate": _RATE_ID},
            "taxability_reason": reason or "standard_rated",
            "taxable_amount": taxable if reason is None else 0,
            "type": "tax_rate_details",
        }
    ]


def added(taxes: list[Wire]) -> int:
    """What these taxes add to the price."""
    return sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")


def summed(lines: list[Wire]) -> list[Wire]:
    """The taxes of all lines, one entry for each way of being taxed."""
    totals: dict[tuple[str, str], Wire] = {}
    for tax in (tax for line in lines for tax in line["taxes"]):
        way = (tax["tax_behavior"], tax["taxability_reason"])
        if way in totals:
            totals[way]["amount"] += tax["amount"]
            totals[way]["taxable_amount"] += tax["taxable_amount"]
        else:
            totals[way] = dict(tax)
    return list(totals.values())
