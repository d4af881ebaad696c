"""/v1/prices, with the lookup keys by which a catalogue finds them."""

from stripe.params import PriceCreateParams, PriceListParams, PriceRetrieveParams, PriceUpdateParams

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route, merge_metadata, unset
from s4_devcloud.stripe.lists import page, same
from s4_devcloud.stripe.problems import invalid, missing
from s4_devcloud.stripe.resources.products import create_product
from s4_devcloud.stripe.wire import Wire, new_id, reference

_MOST_LOOKUP_KEYS = 10  # in one list request
_LONGEST_LOOKUP_KEY = 200
_LARGEST = 99_999_999  # minor units, Stripe's limit of eight digits
_LONGEST_INTERVAL = {"day": 1095, "week": 156, "month": 36, "year": 3}  # three years of each, Stripe's limit
_CHANGEABLE = ("active", "lookup_key", "metadata", "nickname", "tax_behavior", "transfer_lookup_key")
_LIST = (*ANY_LIST, "active", "currency", "lookup_keys", "product", "type", "recurring.interval")


def routes() -> list[Route]:
    """Create, retrieve, update, list."""
    creation = (
        *_CHANGEABLE,
        *("currency", "product", "unit_amount", "product_data.name", "product_data.metadata", "billing_scheme"),
        *("recurring.interval", "recurring.interval_count", "recurring.usage_type"),
    )
    return [
        Route("POST", "/v1/prices", PriceCreateParams, create, creation),
        Route("GET", "/v1/prices", PriceListParams, everything, _LIST),
        Route("GET", "/v1/prices/{price}", PriceRetrieveParams, retrieve),
        Route("POST", "/v1/prices/{price}", PriceUpdateParams, update, _CHANGEABLE),
    ]


def create(call: Call) -> Wire:
    """A new price of an amount in minor units; says price.created."""
    params = call.params
    amount = params.get("unit_amount")
    if amount is None:
        raise missing("unit_amount")
    if amount > _LARGEST:
        raise invalid(f"Amounts can be at most {_LARGEST}.", "unit_amount", "amount_too_large")
    if amount < 0:
        raise invalid("Invalid non-negative integer", "unit_amount", "parameter_invalid_integer")
    if len(params["currency"]) != len("usd") or not params["currency"].isalpha():
        raise invalid(f"Invalid currency: {params['currency']}", "currency")
    price: Wire = {
        "id": new_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": "per_unit",
        "created": call.tx.now,
        "currency": params["currency"].lower(),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": _product(call),
        "recurring": _recurring(params.get("recurring")),
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if "recurring" in params else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    _apply(call, price)
    call.tx.tell("price.created", price)
    return call.tx.put(price)


def everything(call: Call) -> Wire:
    """Prices, by lookup key, product, currency, type and interval."""
    keys = call.params.get("lookup_keys")
    if keys is not None and len(keys) > _MOST_LOOKUP_KEYS:
        raise invalid(f"You may only specify up to {_MOST_LOOKUP_KEYS} lookup_keys.", "lookup_keys")
    interval = call.params.get("recurring", {}).get("interval")
    return page(
        call,
        "price",
        "/v1/prices",
        *(same(call, name) for name in ("active", "currency", "product", "type")),
        lambda row: keys is None or row["lookup_key"] in keys,
        lambda row: interval is None or (row["recurring"] or {}).get("interval") == interval,
    )


def retrieve(call: Call) -> Wire:
    """One price."""
    return call.tx.need("price", call.names["price"])


def update(call: Call) -> Wire:
    """Change what may change: never the amount; says price.updated."""
    price = call.tx.need("price", call.names["price"])
    before = dict(price)
    if "active" in call.params:
        price["active"] = call.params["active"]
    _apply(call, price)
    previous = {field: value for field, value in before.items() if price[field] != value}
    call.tx.tell("price.updated", price, previous)
    return call.tx.put(price)


def _apply(call: Call, price: Wire) -> None:
    for name in ("nickname", "tax_behavior"):
        if name in call.params:
            price[name] = unset(call.params[name])
    if "metadata" in call.params:
        price["metadata"] = merge_metadata(price["metadata"], call.params["metadata"])
    if "lookup_key" in call.params:
        price["lookup_key"] = _take_key(call, price, call.params["lookup_key"])


def _take_key(call: Call, price: Wire, key: str) -> str | None:
    """The key for this price. One price has a key at a time, unless the caller asks to take it over."""
    if len(key) > _LONGEST_LOOKUP_KEY:
        raise invalid(f"Lookup keys can have up to {_LONGEST_LOOKUP_KEY} characters.", "lookup_key")
    for other in call.tx.newest_first("price"):
        if other["lookup_key"] == key and other["id"] != price["id"]:
            if not call.params.get("transfer_lookup_key"):
                raise invalid(
                    f"A price (`{other['id']}`) already uses that lookup key. "
                    "Use `transfer_lookup_key` to move it to this price.",
                    "lookup_key",
                )
            call.tx.put({**other, "lookup_key": None})
    return key or None


def _product(call: Call) -> str:
    named, described = call.params.get("product"), call.params.get("product_data")
    if (named is None) == (described is None):
        raise invalid("You must provide exactly one of `product` or `product_data`.", "product", "parameter_missing")
    product = create_product(call.tx, described) if described else call.tx.need("product", str(named), "product", 400)
    return str(reference(product))


def _recurring(given: Wire | None) -> Wire | None:
    if given is None:
        return None
    if not 1 <= given.get("interval_count", 1) <= _LONGEST_INTERVAL[given["interval"]]:
        raise invalid("Billing intervals can be at most three years long.", "recurring[interval_count]")
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": None,
        "usage_type": given.get("usage_type", "licensed"),
    }
