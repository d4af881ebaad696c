"""What must hold for a new checkout session beyond the types of its parameters."""

import urllib.parse

from s4_devcloud.stripe.billing.trials import trial_end
from s4_devcloud.stripe.calls import Call
from s4_devcloud.stripe.problems import NotImplementedHere, Problem, invalid, missing
from s4_devcloud.stripe.resources.session_shape import new_line
from s4_devcloud.stripe.wire import Wire

_SOONEST, _LATEST = 30 * 60, 24 * 3600  # seconds from creation, Stripe's range for expires_at
_LONGEST_REFERENCE = 200
_SHORTEST_TRIAL = 48 * 3600  # seconds, Stripe's limit for a trial_end on a checkout page
_MOST_LINES = 20  # recurring lines in one session


def check(call: Call) -> None:
    """Raise Problem for parameters that contradict each other or what exists."""
    params = call.params
    if "mode" not in params:
        raise missing("mode")
    if params["mode"] != "subscription":
        raise NotImplementedHere(f"mode={params['mode']}", "mode")
    _check_pages(params)
    _check_customer(call)
    if has_trial(call) and params.get("payment_method_collection") == "if_required":
        raise NotImplementedHere("a trial without a card", "payment_method_collection")
    life = params.get("expires_at", call.tx.now + _LATEST) - call.tx.now
    if life < _SOONEST:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", "expires_at"
        )
    if life > _LATEST:
        raise invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", "expires_at"
        )
    if len(params.get("client_reference_id", "")) > _LONGEST_REFERENCE:
        raise invalid("`client_reference_id` can have up to 200 characters.", "client_reference_id")
    if params.get("allowed_payment_method_types", ["card"]) != ["card"]:
        raise NotImplementedHere("payment methods other than card", "allowed_payment_method_types")


def _check_pages(params: Wire) -> None:
    """Each mode has its own addresses to return to."""
    mode = params.get("ui_mode", "hosted_page")
    if mode == "hosted_page":
        _refuse(params, mode, "return_url", "redirect_on_completion")
        _need(params, mode, "success_url")
    elif mode == "embedded_page":
        _refuse(params, mode, "success_url", "cancel_url")
        if params.get("redirect_on_completion") == "never":
            _refuse(params, "redirect_on_completion=never", "return_url")
        else:
            _need(params, mode, "return_url")
    else:
        raise NotImplementedHere(f"ui_mode={mode}", "ui_mode")
    for name in ("success_url", "cancel_url", "return_url"):
        if name in params:
            _check_url(params[name], name)


def _refuse(params: Wire, mode: str, *names: str) -> None:
    for name in names:
        if name in params:
            raise invalid(f"You can not pass `{name}` with `{mode}`.", name)


def _need(params: Wire, mode: str, name: str) -> None:
    if name not in params:
        raise Problem(400, f"You must provide `{name}` with `{mode}`.", param=name, code="parameter_missing")


def _check_url(url: str, param: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid("Not a valid URL", param, "url_invalid")


def has_trial(call: Call) -> bool:
    """Whether the subscription begins with a trial. Raises Problem for a trial that cannot be."""
    data = call.params.get("subscription_data", {})
    return trial_end(data, call.tx.now, _SHORTEST_TRIAL, "subscription_data") is not None


def _check_customer(call: Call) -> None:
    params, name = call.params, call.params.get("customer")
    if name is None:
        if "customer_update" in params:
            raise invalid("`customer_update` can only be used with `customer`.", "customer_update")
        return
    if "customer_email" in params:
        raise invalid("You may only specify one of these parameters: customer, customer_email.", "customer")
    customer = call.tx.need("customer", name, "customer", 400)
    updates = params.get("customer_update", {})
    taxed = params.get("automatic_tax", {}).get("enabled", False)
    if taxed and customer["address"] is None and updates.get("address") != "auto":
        raise invalid(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to "
            "the Customer or set either `customer_update[address]` to 'auto' or `customer_update[shipping]` to "
            "'auto' to save the address entered in Checkout to the Customer.",
            code="customer_tax_location_invalid",
        )
    if params.get("tax_id_collection", {}).get("enabled") and updates.get("name") != "auto":
        raise invalid(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an "
            "existing customer, please set `customer_update[name]` to `auto`.",
            "customer_update",
        )


def lines_of(call: Call) -> list[Wire]:
    """The line items. Raises Problem unless each is a number of an active recurring price, all in one currency."""
    wanted = call.params.get("line_items", [])
    if not wanted:
        raise missing("line_items")
    if len(wanted) > _MOST_LINES:
        raise invalid(f"You can have up to {_MOST_LINES} recurring line items.", "line_items")
    lines = [_line(call, line, f"line_items[{index}]") for index, line in enumerate(wanted)]
    if len({line["currency"] for line in lines}) > 1:
        raise invalid("All line items must be in the same currency.", "line_items")
    return lines


def _line(call: Call, wanted: Wire, place: str) -> Wire:
    for name in wanted:
        if name not in ("price", "quantity"):
            raise NotImplementedHere(f"{place}[{name}]", f"{place}[{name}]")
    if "price" not in wanted:
        raise missing(f"{place}[price]")
    price = call.tx.need("price", wanted["price"], f"{place}[price]", 400)
    if not price["active"]:
        raise invalid(f"The price specified is inactive. This field only accepts active prices: {price['id']}", place)
    if price["type"] != "recurring":
        raise NotImplementedHere("one-time prices in a subscription", place)
    if wanted.get("quantity", 0) < 1:
        raise invalid("Quantity is required and must be at least 1. Add `quantity` to the line item.", place)
    product = call.tx.need("product", price["product"], place, 400)
    return new_line(price, product, wanted["quantity"])
