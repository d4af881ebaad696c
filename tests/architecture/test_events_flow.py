import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def event_map() -> ModuleType:
    spec = importlib.util.spec_from_file_location("event_map", ROOT / "tools/event_map.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["event_map"] = module
    spec.loader.exec_module(module)
    return module


def test_every_event_is_told_by_its_owner_alone_and_heard_by_somebody() -> None:
    for flow in event_map().flows():
        owner = event_map().EVENT_NAMES[flow.event].__module__.removeprefix("s4_contracts.")
        assert flow.producers == (owner,), flow
        assert flow.consumers, flow
        assert owner not in flow.consumers, flow


def test_no_event_goes_backwards_in_the_signup() -> None:
    """The spine is billing -> provisioner -> notifier; web only listens in, and asks for a new letter."""
    spine = ["billing", "provisioner", "notifier"]
    for flow in event_map().flows():
        for producer in flow.producers:
            for consumer in flow.consumers:
                if producer in spine and consumer in spine and flow.event != "ProvisioningFailed":
                    assert spine.index(producer) < spine.index(consumer), flow


def test_the_drawn_map_is_the_committed_one() -> None:
    """Run ``make schema`` after a change of events or routes."""
    assert (ROOT / "docs/reference/events.svg").read_text() == event_map().drawing(event_map().flows())
