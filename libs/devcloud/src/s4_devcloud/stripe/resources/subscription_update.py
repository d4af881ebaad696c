"""POST /v1/subscriptions/{subscription}: schedule an end, pause collection, change the plan, and the rest."""

from stripe.params import SubscriptionUpdateParams

from s4_devcloud.stripe.billing import changing
from s4_devcloud.stripe.billing.collecting import own_card
from s4_devcloud.stripe.billing.endings import ENDED
from s4_devcloud.stripe.billing.plan_changes import Asked
from s4_devcloud.stripe.calls import Call, Route, merge_metadata, unset
from s4_devcloud.stripe.periods import end_of_period
from s4_devcloud.stripe.problems import NotImplementedHere, invalid, no_such
from s4_devcloud.stripe.resources.subscription_shape import cancellation
from s4_devcloud.stripe.wire import Wire

_CHANGING = ("billing_cycle_anchor", "items", "trial_end")
_OF_A_CHANGE = ("off_session", "payment_behavior", "proration_behavior", "proration_date")
_PLAIN = (
    *("cancel_at", "cancel_at_period_end", "cancellation_details", "default_payment_method", "description"),
    *("metadata", "pause_collection"),
)


def routes() -> list[Route]:
    """Update."""
    supported = (*_PLAIN, *_CHANGING, *_OF_A_CHANGE)
    return [Route("POST", "/v1/subscriptions/{subscription}", SubscriptionUpdateParams, update, supported)]


def update(call: Call) -> Wire:
    """Change what was sent; says customer.subscription.updated if anything differs, and what an invoice says."""
    subscription = living(call)
    _check(call)
    before = dict(subscription)
    _apply_plain(call, subscription)
    previous = {field: value for field, value in before.items() if subscription[field] != value}
    if any(name in call.params for name in _CHANGING):
        asked = _asked(call, subscription)
        terms = changing.Terms(
            call.params.get("payment_behavior", "allow_incomplete"), off_session=call.params.get("off_session", False)
        )
        return changing.change(call.tx, subscription, asked, terms, previous)
    if previous:
        call.tx.tell("customer.subscription.updated", subscription, previous)
    return call.tx.put(subscription)


def living(call: Call) -> Wire:
    """The subscription of the path. Raises Problem when it has ended."""
    subscription = call.tx.need("subscription", call.names["subscription"])
    check_living(subscription)
    return subscription


def check_living(subscription: Wire) -> None:
    """Raise Problem when the subscription has ended: to Stripe it is as good as unknown then."""
    if subscription["status"] in ENDED:
        raise no_such("subscription", subscription["id"], "id")


def _check(call: Call) -> None:
    """Raise Problem for parameters that contradict each other."""
    params = call.params
    if "cancel_at" in params and "cancel_at_period_end" in params:
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.", "cancel_at")
    if params.get("payment_behavior") == "pending_if_incomplete":
        for name in _PLAIN:
            if name in params:
                raise invalid(
                    f"You cannot pass `{name}` when `payment_behavior` is set to `pending_if_incomplete`.", name
                )
    if params.get("payment_behavior") == "default_incomplete":
        raise NotImplementedHere("payment_behavior=default_incomplete in an update", "payment_behavior")


def _asked(call: Call, subscription: Wire) -> Asked:
    params = call.params
    if "trial_end" in params and (params["trial_end"] != "now" or subscription["status"] != "trialing"):
        raise NotImplementedHere("a trial_end other than `now` for a subscription in trial", "trial_end")
    return Asked(
        items=params.get("items", []),
        proration_behavior=params.get("proration_behavior", "create_prorations"),
        proration_date=params.get("proration_date"),
        anchor_now=params.get("billing_cycle_anchor", {}).get("type") == "now",
        end_trial="trial_end" in params,
    )


def _apply_plain(call: Call, subscription: Wire) -> None:
    params = call.params
    _schedule_end(call, subscription)
    if "default_payment_method" in params:
        card = own_card(call.tx, params["default_payment_method"], subscription["customer"])
        subscription["default_payment_method"] = card["id"]
    if "description" in params:
        subscription["description"] = unset(params["description"])
    if "metadata" in params:
        subscription["metadata"] = merge_metadata(subscription["metadata"], params["metadata"])
    if "pause_collection" in params:
        pause = params["pause_collection"]
        subscription["pause_collection"] = {"resumes_at": None, **pause} if pause else None


def _schedule_end(call: Call, subscription: Wire) -> None:
    """Apply cancel_at or cancel_at_period_end; either is taken back by its empty value."""
    params = call.params
    if "cancel_at_period_end" in params:
        subscription["cancel_at_period_end"] = params["cancel_at_period_end"]
        subscription["cancel_at"] = end_of_period(subscription) if params["cancel_at_period_end"] else None
    elif "cancel_at" in params:
        subscription["cancel_at_period_end"] = False
        subscription["cancel_at"] = _moment(call, subscription, params["cancel_at"])
    elif "cancellation_details" in params:
        reason = subscription["cancellation_details"]["reason"]
        subscription["cancellation_details"] = cancellation(reason, params["cancellation_details"])
        return
    else:
        return
    scheduled = subscription["cancel_at"] is not None
    subscription["canceled_at"] = call.tx.now if scheduled else None
    details = params.get("cancellation_details")
    subscription["cancellation_details"] = cancellation("cancellation_requested" if scheduled else None, details)


def _moment(call: Call, subscription: Wire, wanted: str | int) -> int | None:
    match wanted:
        case "":
            return None
        case "min_period_end" | "max_period_end":
            return end_of_period(subscription)
        case int() if wanted > call.tx.now:
            return wanted
        case _:
            raise invalid("cancel_at must be a timestamp in the future.", "cancel_at")
