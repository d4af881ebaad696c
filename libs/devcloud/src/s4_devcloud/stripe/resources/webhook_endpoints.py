"""/v1/webhook_endpoints: who else is told, each with a secret of its own."""

import urllib.parse

from stripe.params import (
    WebhookEndpointCreateParams,
    WebhookEndpointDeleteParams,
    WebhookEndpointListParams,
    WebhookEndpointRetrieveParams,
    WebhookEndpointUpdateParams,
)

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route, merge_metadata, unset
from s4_devcloud.stripe.endpoints import new_secret
from s4_devcloud.stripe.lists import page
from s4_devcloud.stripe.problems import NotImplementedHere, invalid
from s4_devcloud.stripe.wire import API_VERSION, Wire, new_id

_KIND, _URL = "webhook_endpoint", "/v1/webhook_endpoints"
_MOST = 16  # endpoints, Stripe's limit
_PLAIN = ("url", "enabled_events", "description", "metadata")


def routes() -> list[Route]:
    """Create, retrieve, update, list, delete."""
    one = _URL + "/{endpoint}"
    return [
        Route("POST", _URL, WebhookEndpointCreateParams, create, (*_PLAIN, "api_version")),
        Route("GET", _URL, WebhookEndpointListParams, everything, ANY_LIST),
        Route("GET", one, WebhookEndpointRetrieveParams, retrieve),
        Route("POST", one, WebhookEndpointUpdateParams, update, (*_PLAIN, "disabled")),
        Route("DELETE", one, WebhookEndpointDeleteParams, delete),
    ]


def create(call: Call) -> Wire:
    """An enabled endpoint; only this answer shows its secret."""
    version = call.params.get("api_version", API_VERSION)
    if version != API_VERSION:
        raise NotImplementedHere(f"api_version={version}", "api_version")
    if len(call.tx.newest_first(_KIND)) >= _MOST:
        raise invalid(f"You have reached the maximum of {_MOST} test webhook endpoints.")
    endpoint: Wire = {
        "id": new_id("we"),
        "object": _KIND,
        "api_version": call.params.get("api_version"),
        "application": None,
        "created": call.tx.now,
        "description": None,
        "enabled_events": [],
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": "",
    }
    _apply(endpoint, call.params)
    return {**call.tx.put(endpoint), "secret": new_secret(call.tx, endpoint)}


def everything(call: Call) -> Wire:
    """All endpoints but the command line's."""
    return page(call, _KIND, _URL)


def retrieve(call: Call) -> Wire:
    """One endpoint."""
    return call.tx.need(_KIND, call.names["endpoint"])


def update(call: Call) -> Wire:
    """Change what was sent."""
    endpoint = call.tx.need(_KIND, call.names["endpoint"])
    _apply(endpoint, call.params)
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    return call.tx.put(endpoint)


def delete(call: Call) -> Wire:
    """Tell this endpoint nothing more."""
    return call.tx.delete(call.tx.need(_KIND, call.names["endpoint"]))


def check_url(url: str, param: str) -> None:
    """Raise Problem for what is no web address."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid("Invalid URL: An explicit scheme (such as https) must be provided.", param, "url_invalid")


def _apply(endpoint: Wire, params: Wire) -> None:
    if "url" in params:
        check_url(params["url"], "url")
        endpoint["url"] = params["url"]
    if "enabled_events" in params:
        if not params["enabled_events"]:
            raise invalid("You must enable at least one event.", "enabled_events")
        endpoint["enabled_events"] = params["enabled_events"]
    if "description" in params:
        endpoint["description"] = unset(params["description"])
    if "metadata" in params:
        endpoint["metadata"] = merge_metadata(endpoint["metadata"], params["metadata"])
