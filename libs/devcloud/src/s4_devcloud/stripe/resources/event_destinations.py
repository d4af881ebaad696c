"""/v2/core/event_destinations: endpoints for thin events, or for snapshots."""

from stripe.params.v2.core import (
    EventDestinationCreateParams,
    EventDestinationDeleteParams,
    EventDestinationDisableParams,
    EventDestinationEnableParams,
    EventDestinationListParams,
    EventDestinationRetrieveParams,
    EventDestinationUpdateParams,
)

from s4_devcloud.stripe.calls import Call, Route, merge_metadata
from s4_devcloud.stripe.endpoints import new_secret
from s4_devcloud.stripe.problems import NotImplementedHere, invalid, missing
from s4_devcloud.stripe.resources.webhook_endpoints import check_url
from s4_devcloud.stripe.thin import iso
from s4_devcloud.stripe.version2 import page
from s4_devcloud.stripe.wire import API_VERSION, Wire, new_id

_KIND, _URL = "v2.core.event_destination", "/v2/core/event_destinations"
_PLAIN = ("name", "description", "enabled_events", "metadata", "webhook_endpoint.url", "include")
_FIXED = ("type", "event_payload", "events_from", "snapshot_api_version")


def routes() -> list[Route]:
    """Create, retrieve, update, list, delete, enable, disable."""
    one = _URL + "/{destination}"
    return [
        Route("POST", _URL, EventDestinationCreateParams, create, (*_PLAIN, *_FIXED)),
        Route("GET", _URL, EventDestinationListParams, everything, ("limit", "include")),
        Route("GET", one, EventDestinationRetrieveParams, retrieve, ("include",)),
        Route("POST", one, EventDestinationUpdateParams, update, _PLAIN),
        Route("DELETE", one, EventDestinationDeleteParams, delete),
        Route("POST", one + "/enable", EventDestinationEnableParams, enable),
        Route("POST", one + "/disable", EventDestinationDisableParams, disable),
    ]


def create(call: Call) -> Wire:
    """An enabled destination; only this answer can include its signing secret."""
    _check(call.params)
    destination: Wire = {
        "id": new_id("ed_test"),
        "object": _KIND,
        "created": iso(call.tx.now),
        "description": "",
        "enabled_events": [],
        "event_payload": call.params["event_payload"],
        "events_from": ["@self"],
        "livemode": False,
        "metadata": {},
        "name": "",
        "status": "enabled",
        "type": "webhook_endpoint",
        "updated": iso(call.tx.now),
        "webhook_endpoint": {},
    }
    if call.params["event_payload"] == "snapshot":
        destination["snapshot_api_version"] = API_VERSION
    _apply(destination, call.params)
    secret = new_secret(call.tx, destination)
    shown = _shown(call, call.tx.put(destination))
    if "webhook_endpoint.signing_secret" in call.params.get("include", []):
        shown["webhook_endpoint"] = {**shown["webhook_endpoint"], "signing_secret": secret}
    return shown


def everything(call: Call) -> Wire:
    """All destinations."""
    return page(call, _URL, [_shown(call, row) for row in call.tx.newest_first(_KIND)])


def retrieve(call: Call) -> Wire:
    """One destination."""
    return _shown(call, _named(call))


def update(call: Call) -> Wire:
    """Change what was sent."""
    destination = _named(call)
    _apply(destination, call.params)
    return _changed(call, destination)


def delete(call: Call) -> Wire:
    """Tell this destination nothing more."""
    destination = _named(call)
    call.tx.delete(destination)
    return {"id": destination["id"], "object": _KIND}


def enable(call: Call) -> Wire:
    """Tell it what happens from now on."""
    destination = _named(call)
    destination.pop("status_details", None)
    return _changed(call, {**destination, "status": "enabled"})


def disable(call: Call) -> Wire:
    """Tell it nothing for now."""
    return _changed(call, {**_named(call), "status": "disabled", "status_details": {"disabled": {"reason": "user"}}})


def _named(call: Call) -> Wire:
    return call.tx.need(_KIND, call.names["destination"])


def _changed(call: Call, destination: Wire) -> Wire:
    return _shown(call, call.tx.put({**destination, "updated": iso(call.tx.now)}))


def _shown(call: Call, destination: Wire) -> Wire:
    """The destination; its address only when asked for."""
    with_url = "webhook_endpoint.url" in call.params.get("include", [])
    return {**destination, "webhook_endpoint": destination["webhook_endpoint"] if with_url else {}}


def _check(params: Wire) -> None:
    if params["type"] != "webhook_endpoint":
        raise NotImplementedHere(f"type={params['type']}", "type")
    if "webhook_endpoint" not in params:
        raise missing("webhook_endpoint")
    if params.get("events_from", ["@self"]) != ["@self"]:
        raise NotImplementedHere("events from other accounts", "events_from")
    version = params.get("snapshot_api_version", API_VERSION)
    if version != API_VERSION or (params["event_payload"] == "thin" and "snapshot_api_version" in params):
        raise invalid("snapshot_api_version must be the account's, and is for snapshots only.", "snapshot_api_version")


def _apply(destination: Wire, params: Wire) -> None:
    for name in ("name", "description", "enabled_events"):
        if name in params:
            destination[name] = params[name]
    if not destination["enabled_events"]:
        raise invalid("enabled_events must name at least one event.", "enabled_events")
    if "metadata" in params:
        destination["metadata"] = merge_metadata(destination["metadata"], params["metadata"])
    if "webhook_endpoint" in params:
        check_url(params["webhook_endpoint"]["url"], "webhook_endpoint.url")
        destination["webhook_endpoint"] = {"url": params["webhook_endpoint"]["url"]}
