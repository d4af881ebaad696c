from pathlib import Path
from types import ModuleType

from s4_bus.topology import LISTENERS
from support.tools import tool

ROOT = Path(__file__).parents[2]


def event_map() -> ModuleType:
    return tool("event_map")


def test_every_event_is_told_by_its_owner_alone_and_heard_by_somebody() -> None:
    for flow in event_map().flows():
        owner = event_map().EVENT_NAMES[flow.event].__module__.removeprefix("s4_contracts.")
        assert flow.producers == (owner,), flow
        assert flow.consumers, flow
        assert owner not in flow.consumers, flow


def test_no_event_goes_backwards_in_the_signup() -> None:
    """The spine is billing -> provisioner -> notifier; web only listens in, and asks for a new letter.

    Four answers go back to billing: a grid that could not be made (money back), one that is gone, how much one holds
    (what a smaller plan must hold), and whether more can be built (what is not sold otherwise).
    """
    answers = {"ProvisioningFailed", "GridDeleted", "UsageMeasured", "CapacityReported"}
    spine = ["billing", "provisioner", "notifier"]
    for flow in event_map().flows():
        for producer in flow.producers:
            for consumer in flow.consumers:
                if producer in spine and consumer in spine and flow.event not in answers:
                    assert spine.index(producer) < spine.index(consumer), flow


def test_the_drawn_map_is_the_committed_one() -> None:
    """Run ``make schema`` after a change of events or routes."""
    assert (ROOT / "docs/reference/events.svg").read_text() == event_map().drawing(event_map().flows())


def test_the_relay_knows_every_listener() -> None:
    """It makes their queues before it publishes: an event for a service that has never run yet is not lost."""
    heard = {
        service: {flow.event for flow in event_map().flows() if service in flow.consumers} for service in LISTENERS
    }
    assert {service: {event.__name__ for event in events} for service, events in LISTENERS.items()} == heard
