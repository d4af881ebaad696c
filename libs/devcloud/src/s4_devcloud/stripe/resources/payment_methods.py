"""/v1/payment_methods: the cards that pages collected. Services can read them and never make one."""

from dataclasses import dataclass

from stripe.params import PaymentMethodRetrieveParams

from s4_devcloud.stripe.calls import Call, Route
from s4_devcloud.stripe.cards import Behaviour, Card
from s4_devcloud.stripe.resources.customers import address
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id

_ISSUED = "_card"  # the kind of what the issuer of a collected card does, by fingerprint


@dataclass(frozen=True)
class Payer:
    """Who the form says is paying."""

    name: str
    email: str | None
    country: str
    postal_code: str

    def address(self) -> Wire:
        """The billing address, as far as the form asks for it."""
        return address({"country": self.country, "postal_code": self.postal_code})


def routes() -> list[Route]:
    """Retrieve."""
    return [Route("GET", "/v1/payment_methods/{payment_method}", PaymentMethodRetrieveParams, retrieve)]


def retrieve(call: Call) -> Wire:
    """One payment method."""
    return call.tx.need("payment_method", call.names["payment_method"])


def collect(tx: Transaction, card: Card, payer: Payer) -> Wire:
    """A payment method that no customer has yet."""
    issuer_does(tx, card.fingerprint, card.behaviour)
    return tx.put(
        {
            "id": new_id("pm"),
            "object": "payment_method",
            "allow_redisplay": "limited",
            "billing_details": billing_details(payer),
            "card": {
                "brand": card.brand,
                "checks": _checks(),
                "country": "US",
                "display_brand": card.brand,
                "exp_month": card.exp_month,
                "exp_year": card.exp_year,
                "fingerprint": card.fingerprint,
                "funding": "credit",
                "generated_from": None,
                "last4": card.last4,
                "networks": {"available": [card.brand], "preferred": None},
                "regulated_status": "unregulated",
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            },
            "created": tx.now,
            "customer": None,
            "customer_account": None,
            "livemode": False,
            "metadata": {},
            "type": "card",
        }
    )


def attach(tx: Transaction, method: Wire, customer: str) -> Wire:
    """Give the payment method to a customer; says payment_method.attached."""
    method["customer"] = customer
    tx.tell("payment_method.attached", method)
    return tx.put(method)


def issuer_does(tx: Transaction, fingerprint: str, behaviour: Behaviour) -> None:
    """From now on the card with this fingerprint behaves so, wherever it was collected."""
    tx.put({"id": fingerprint, "object": _ISSUED, "behaviour": behaviour})


def behaviour_of(tx: Transaction, method: Wire) -> Behaviour:
    """What the issuer of the payment method's card does now."""
    behaviour: Behaviour = tx.need(_ISSUED, method["card"]["fingerprint"])["behaviour"]
    return behaviour


def behaviour_now(tx: Transaction, card: Card) -> Behaviour:
    """What the card's issuer does, as it was last told or as is published."""
    issued = tx.get(_ISSUED, card.fingerprint)
    behaviour: Behaviour = card.behaviour if issued is None else issued["behaviour"]
    return behaviour


def billing_details(payer: Payer) -> Wire:
    """The payer as payment methods and charges show one."""
    return {"address": payer.address(), "email": payer.email, "name": payer.name, "phone": None, "tax_id": None}


def _checks() -> Wire:
    return {"address_line1_check": None, "address_postal_code_check": "pass", "cvc_check": "pass"}
