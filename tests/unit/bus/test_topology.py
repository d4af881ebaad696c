from s4_bus.topology import DELIVERY_LIMIT, LISTENERS, RETRY_DELAYS, main_queue, parked_queue, retry_queue
from s4_contracts import EVENTS
from s4_contracts.envelope import routing_key


def test_every_event_has_a_listener_and_nobody_listens_to_what_is_no_event() -> None:
    heard = {event for events in LISTENERS.values() for event in events}
    assert heard == set(EVENTS)


def test_nobody_listens_to_itself() -> None:
    for service, events in LISTENERS.items():
        assert not [event for event in events if routing_key(event).startswith(f"{service}.")]


def test_what_is_delivered_too_often_goes_to_the_parked_queue_and_no_dead_letter_is_lost() -> None:
    assert main_queue("web").arguments == {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "s4.web.parked",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-delivery-limit": DELIVERY_LIMIT,
    }


def test_what_expires_in_a_retry_queue_returns_to_its_service() -> None:
    for tier in RETRY_DELAYS:
        queue = retry_queue("web", tier)
        assert queue.name == f"s4.web.retry.{tier}"
        assert queue.arguments["x-dead-letter-routing-key"] == "s4.web"
        assert "x-delivery-limit" not in queue.arguments


def test_what_is_parked_stays() -> None:
    assert parked_queue("web").arguments == {"x-queue-type": "quorum"}
