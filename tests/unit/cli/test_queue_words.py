"""How queues and events are said at a terminal."""

from s4_cli.queues import _MEANING, warning
from s4_cli.words import parser

ROW = {"service": "web", "waiting": 0, "consumers": 1, "parked": 0, "oldest_seconds": 2.0}


def test_a_queue_that_is_well_is_not_warned_of() -> None:
    assert warning(ROW) == ""


def test_everything_that_asks_for_somebody_is_said() -> None:
    said = warning({**ROW, "consumers": 0, "oldest_seconds": 900, "parked": 2})
    assert said == "! nobody reads it; the oldest has waited 900 s; 2 parked: s4 queues parked web"
    assert warning({**ROW, "waiting": None, "consumers": None}) == "! it has no queue"


def test_the_table_has_ages_a_person_can_read() -> None:
    asked = parser(["queues"]).parse_args(["queues", "list"])
    out = asked.show({"queues": [{**ROW, "retrying": 3, "parked": 1, "parked_oldest_seconds": 3 * 86400 + 5}]})
    head, line = out.splitlines()
    assert head.split()[:4] == ["service", "waiting", "oldest", "consumers"]
    assert "2 s" in line
    assert "3 d" in line


def test_reasons_are_explained_and_unknown_ones_too() -> None:
    asked = parser(["queues"]).parse_args(["queues", "parked", "web"])
    answer = {"parked": [], "codes": {"malformed-event": 2, "odd": 1}, "total": 3}
    out = asked.show(answer)
    assert _MEANING["malformed-event"] in out
    assert "odd (1): see the service log" in out


def test_a_trace_has_a_lane_for_each_service_and_a_gap_between_stories() -> None:
    asked = parser(["events"]).parse_args(["events", "trace", "x"])
    event = {"at": "2026-01-01T00:00:00Z", "service": "billing", "said": "Paid", "story": "a"}
    later = {**event, "service": "newer", "said": "Odd", "story": "b"}
    account = {"account_id": "1", "as": "grid"}
    lines = asked.show({"accounts": [account], "events": [event, later], "is_cut": True}).splitlines()
    assert lines[0] == "1  (grid)"
    assert lines[2].split()[1:8] == ["web", "bill", "prov", "noti", "invi", "supp", "newe"]
    assert lines[4] == ""
    assert lines[5].endswith("●      Odd")
    assert "left out" in lines[-1]
    assert "choose one" in asked.show({"accounts": [account, account], "events": [], "is_cut": False})
