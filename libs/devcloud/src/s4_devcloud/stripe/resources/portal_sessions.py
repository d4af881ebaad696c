"""/v1/billing_portal/sessions: an address at which a customer manages what was bought, for a short time."""

import urllib.parse

from stripe.params.billing_portal import SessionCreateParams

from s4_devcloud.stripe.calls import Call, Route
from s4_devcloud.stripe.problems import NotImplementedHere, Problem, invalid, missing, no_such
from s4_devcloud.stripe.resources import portal_configurations
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id

BEHIND = "_portal"  # the kind of what a session's address leads to; its name is the secret in the address
_SUPPORTED = (
    *("configuration", "customer", "locale", "return_url", "flow_data.type", "flow_data.after_completion"),
    *("flow_data.subscription_cancel", "flow_data.subscription_update_confirm"),
)
FEATURES = {
    "payment_method_update": "payment_method_update",
    "subscription_cancel": "subscription_cancel",
    "subscription_update_confirm": "subscription_update",
}
"""The flows that are here, and the feature that must be on for each."""


def routes() -> list[Route]:
    """Create."""
    return [Route("POST", "/v1/billing_portal/sessions", SessionCreateParams, create, _SUPPORTED)]


def create(call: Call) -> Wire:
    """A session and its address; says billing_portal.session.created."""
    params = call.params
    if "customer" not in params:
        raise missing("customer")
    call.tx.need("customer", params["customer"], "customer", 400)
    configuration = _configuration(call)
    return_url = params.get("return_url", configuration["default_return_url"])
    _check_url(return_url, "return_url")
    flow = _flow(call, configuration)
    secret = new_id("test", 40)
    session = {
        "id": new_id("bps"),
        "object": "billing_portal.session",
        "after_expiration": None,
        "configuration": configuration["id"],
        "created": call.tx.now,
        "customer": params["customer"],
        "customer_account": None,
        "flow": flow,
        "livemode": False,
        "locale": params.get("locale"),
        "on_behalf_of": None,
        "return_url": return_url,
        "url": f"{call.public_url}/p/session/{secret}",
    }
    behind = {"id": secret, "object": BEHIND, "session": session["id"], "created": call.tx.now}
    call.tx.put({**behind, "seen": None, "awaiting": None, "done": False})
    call.tx.tell("billing_portal.session.created", session)
    return call.tx.put(session)


def configuration_of(tx: Transaction, session: Wire) -> Wire:
    """What the session's customer may do."""
    return tx.need("billing_portal.configuration", session["configuration"])


def _configuration(call: Call) -> Wire:
    if "configuration" not in call.params:
        return portal_configurations.default(call.tx)
    wanted = call.params["configuration"]
    configuration = call.tx.need("billing_portal.configuration", wanted, "configuration", 400)
    if not configuration["active"]:
        raise invalid(f"The portal configuration {wanted} is inactive.", "configuration")
    return configuration


def _flow(call: Call, configuration: Wire) -> Wire | None:
    if "flow_data" not in call.params:
        return None
    data: Wire = call.params["flow_data"]
    kind = data["type"]
    if kind not in FEATURES:
        raise NotImplementedHere(f"flow_data[type]={kind}", "flow_data[type]")
    if not configuration["features"][FEATURES[kind]]["enabled"]:
        raise Problem(
            400,
            f"This subscription cannot be changed because the feature `{FEATURES[kind]}` is disabled in your portal "
            "configuration.",
            param="flow_data[type]",
        )
    flow = {
        "after_completion": _after_completion(data.get("after_completion", {"type": "portal_homepage"})),
        "customer_update": None,
        "subscription_cancel": None,
        "subscription_pause": None,
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": kind,
    }
    if kind != "payment_method_update":
        if kind not in data:
            raise missing(f"flow_data[{kind}]")
        flow[kind] = _subject(call, configuration, kind, data[kind])
    return flow


def _after_completion(data: Wire) -> Wire:
    place = "flow_data[after_completion]"
    if data["type"] == "redirect" and "redirect" not in data:
        raise missing(f"{place}[redirect]")
    redirect = data.get("redirect")
    if redirect is not None:
        _check_url(redirect["return_url"], f"{place}[redirect][return_url]")
    message = data.get("hosted_confirmation", {}).get("custom_message")
    confirmation = {"custom_message": message} if data["type"] == "hosted_confirmation" else None
    return {"hosted_confirmation": confirmation, "redirect": redirect, "type": data["type"]}


def _subject(call: Call, configuration: Wire, kind: str, data: Wire) -> Wire:
    """The subscription that the flow is about, and what is to become of it."""
    place = f"flow_data[{kind}]"
    subscription = call.tx.need("subscription", data["subscription"], f"{place}[subscription]", 400)
    if subscription["customer"] != call.params["customer"]:
        raise invalid("The subscription does not belong to the session's customer.", f"{place}[subscription]")
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise invalid("The subscription has ended, and cannot be changed.", f"{place}[subscription]")
    if kind == "subscription_cancel":
        if "retention" in data:
            raise NotImplementedHere(f"{place}[retention]", f"{place}[retention]")
        if subscription["cancel_at"] is not None or subscription["cancel_at_period_end"]:
            raise invalid("The subscription is already set to be canceled.", f"{place}[subscription]")
        return {"retention": None, "subscription": subscription["id"]}
    if "discounts" in data:
        raise NotImplementedHere(f"{place}[discounts]", f"{place}[discounts]")
    allowed = configuration["features"]["subscription_update"]["products"]
    return {"discounts": None, "items": [_item(subscription, allowed, data, place)], "subscription": subscription["id"]}


def _item(subscription: Wire, allowed: list[Wire], data: Wire, place: str) -> Wire:
    """What the subscription's one item becomes. Raises Problem unless it is another price that the portal may offer."""
    items = subscription["items"]["data"]
    if len(items) != 1 or len(data["items"]) != 1:
        raise invalid("Only one item can be changed, of a subscription that has one.", f"{place}[items]")
    wanted, item = data["items"][0], items[0]
    if wanted["id"] != item["id"]:
        raise no_such("subscription_item", wanted["id"], f"{place}[items][0][id]", 400)
    if wanted.get("quantity", item["quantity"]) != item["quantity"]:
        raise NotImplementedHere(f"{place}[items][0][quantity]", f"{place}[items][0][quantity]")
    price = wanted.get("price", item["price"]["id"])
    if price == item["price"]["id"]:
        raise invalid("The update would change nothing.", f"{place}[items]")
    if not any(price in product["prices"] for product in allowed):
        raise invalid(
            f"The price {price} is not among the products that your portal configuration allows to change to.",
            f"{place}[items][0][price]",
        )
    return {"id": item["id"], "price": price, "quantity": item["quantity"]}


def _check_url(url: str | None, param: str) -> None:
    if url is None:
        return
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid("Not a valid URL", param, "url_invalid")
