"""/v1/billing_portal/configurations: what customers may do on the portal's page."""

from stripe.params.billing_portal import (
    ConfigurationCreateParams,
    ConfigurationListParams,
    ConfigurationRetrieveParams,
    ConfigurationUpdateParams,
)

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route, merge_metadata, unset
from s4_devcloud.stripe.lists import page, same
from s4_devcloud.stripe.resources import portal_features
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id

_KIND = "billing_portal.configuration"
_PROFILE = ("headline", "privacy_policy_url", "terms_of_service_url")
_SUPPORTED = (
    *(f"business_profile.{name}" for name in _PROFILE),
    *("default_return_url", "metadata", "name"),
    *(f"features.{name}" for name in portal_features.SUPPORTED),
)


def routes() -> list[Route]:
    """Create, retrieve, update, list."""
    every, one = "/v1/billing_portal/configurations", "/v1/billing_portal/configurations/{configuration}"
    listed = (*(name for name in ANY_LIST if name != "created"), "active", "is_default")
    return [
        Route("POST", every, ConfigurationCreateParams, create, _SUPPORTED),
        Route("GET", every, ConfigurationListParams, everything, listed),
        Route("GET", one, ConfigurationRetrieveParams, retrieve),
        Route("POST", one, ConfigurationUpdateParams, update, (*_SUPPORTED, "active")),
    ]


def create(call: Call) -> Wire:
    """A new configuration; says billing_portal.configuration.created."""
    configuration = _new(call.tx, portal_features.NOTHING)
    _apply(call, configuration)
    call.tx.tell("billing_portal.configuration.created", configuration)
    return call.tx.put(configuration)


def everything(call: Call) -> Wire:
    """Configurations, the default one among them."""
    default(call.tx)
    return page(call, _KIND, "/v1/billing_portal/configurations", same(call, "active"), same(call, "is_default"))


def retrieve(call: Call) -> Wire:
    """One configuration."""
    default(call.tx)
    return call.tx.need(_KIND, call.names["configuration"])


def update(call: Call) -> Wire:
    """Change what was sent; says billing_portal.configuration.updated."""
    configuration = call.tx.need(_KIND, call.names["configuration"])
    before = dict(configuration)
    _apply(call, configuration)
    configuration["updated"] = call.tx.now
    previous = {name: value for name, value in before.items() if configuration[name] != value}
    call.tx.tell("billing_portal.configuration.updated", configuration, previous)
    return call.tx.put(configuration)


def default(tx: Transaction) -> Wire:
    """The account's own configuration, as if it had been saved in the dashboard: cards, invoices and cancelling."""
    for row in tx.newest_first(_KIND):
        if row["is_default"]:
            return row
    return tx.put({**_new(tx, portal_features.DEFAULT), "is_default": True})


def _new(tx: Transaction, features: Wire) -> Wire:
    return {
        "id": new_id("bpc"),
        "object": _KIND,
        "active": True,
        "application": None,
        "business_profile": dict.fromkeys(_PROFILE),
        "created": tx.now,
        "default_return_url": None,
        "features": features,
        "is_default": False,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": tx.now,
    }


def _apply(call: Call, configuration: Wire) -> None:
    params = call.params
    for name in ("active", "default_return_url", "name"):
        if name in params:
            configuration[name] = unset(params[name])
    changed = {name: unset(value) for name, value in params.get("business_profile", {}).items()}
    configuration["business_profile"] = {**configuration["business_profile"], **changed}
    if "metadata" in params:
        configuration["metadata"] = merge_metadata(configuration["metadata"], params["metadata"])
    configuration["features"] = portal_features.changed(call.tx, configuration["features"], params.get("features", {}))
