"""/v1/customers."""

from stripe.params import CustomerCreateParams, CustomerListParams, CustomerRetrieveParams, CustomerUpdateParams

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route, merge_metadata, unset
from s4_devcloud.stripe.lists import page, same
from s4_devcloud.stripe.problems import invalid
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id

_PLAIN = ("address", "description", "email", "name", "phone", "preferred_locales", "tax_exempt")
_SUPPORTED = (*_PLAIN, "metadata", "invoice_settings.default_payment_method")


def routes() -> list[Route]:
    """Create, retrieve, update, list."""
    return [
        Route("POST", "/v1/customers", CustomerCreateParams, create, (*_SUPPORTED, "test_clock")),
        Route("GET", "/v1/customers", CustomerListParams, everyone, (*ANY_LIST, "email", "test_clock")),
        Route("GET", "/v1/customers/{customer}", CustomerRetrieveParams, retrieve),
        Route("POST", "/v1/customers/{customer}", CustomerUpdateParams, update, _SUPPORTED),
    ]


def create(call: Call) -> Wire:
    """A new customer; says customer.created."""
    if "test_clock" in call.params:
        call.tx.need("test_helpers.test_clock", call.params["test_clock"], "test_clock", 400)
    return create_customer(call.tx, call.params)


def create_customer(tx: Transaction, params: Wire) -> Wire:
    """A new customer from typed parameters, for the API and for a checkout that was given none."""
    customer: Wire = {
        "id": new_id("cus", 14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": tx.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": new_id("x", 8)[2:].upper(),
        "invoice_settings": _invoice_settings(None),
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": params.get("test_clock"),
    }
    _apply(tx, customer, params)
    tx.tell("customer.created", customer)
    return tx.put(customer)


def everyone(call: Call) -> Wire:
    """Customers, by exact e-mail address if one is given; those of test clocks only of the one that is named."""
    clock = call.params.get("test_clock")
    return page(call, "customer", "/v1/customers", same(call, "email"), lambda row: row["test_clock"] == clock)


def retrieve(call: Call) -> Wire:
    """One customer; of a deleted one the name and that it is deleted."""
    name = call.names["customer"]
    return call.tx.get("customer", name) or call.tx.need("customer", name)


def update(call: Call) -> Wire:
    """Change what was sent; says customer.updated when anything differs."""
    customer = call.tx.need("customer", call.names["customer"])
    before = dict(customer)
    _apply(call.tx, customer, call.params)
    previous = {name: value for name, value in before.items() if customer[name] != value}
    if previous:
        call.tx.tell("customer.updated", customer, previous)
    return call.tx.put(customer)


def _apply(tx: Transaction, customer: Wire, params: Wire) -> None:
    email = params.get("email")
    if email is not None and ("@" not in email or any(character.isspace() for character in email)):
        raise invalid(f"Invalid email address: {email}", "email", "email_invalid")
    for name in _PLAIN:
        if name in params:
            customer[name] = unset(params[name])
    if isinstance(params.get("address"), dict):
        customer["address"] = address(params["address"])
    if "metadata" in params:
        customer["metadata"] = merge_metadata(customer["metadata"], params["metadata"])
    chosen = params.get("invoice_settings", {}).get("default_payment_method")
    if chosen is not None:
        _check_attached(tx, customer, chosen)
        customer["invoice_settings"] = _invoice_settings(chosen or None)


def _check_attached(tx: Transaction, customer: Wire, method: str) -> None:
    """Raise Problem unless the payment method is the customer's, or is the empty name that unsets."""
    found = tx.get("payment_method", method)
    if method and (found is None or found["customer"] != customer["id"]):
        raise invalid(
            f"The customer does not have a payment method with the ID {method}. The payment method must be attached to "
            "the customer.",
            "invoice_settings[default_payment_method]",
            "resource_missing",
        )


def address(given: Wire) -> Wire:
    """An address with all of its lines, the unknown ones None."""
    return {name: unset(given.get(name)) for name in ("city", "country", "line1", "line2", "postal_code", "state")}


def _invoice_settings(payment_method: str | None) -> Wire:
    return {
        "custom_fields": None,
        "default_payment_method": payment_method,
        "footer": None,
        "rendering_options": None,
    }
