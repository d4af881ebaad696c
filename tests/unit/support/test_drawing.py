from datetime import timedelta
from itertools import pairwise

from s4_runtime import new_id
from s4_support.drawing import SERVICES, drawing
from s4_support.timeline import Told, place_of, stories, the_end
from support.support_page import START


def told(name: str, minutes: float, story: str = "s") -> Told:
    return Told(new_id(), name, START + timedelta(minutes=minutes), story, {})


def newest_first(*events: Told) -> list[Told]:
    return list(reversed(events))


def test_each_service_has_a_lane_and_each_event_a_dot_in_it() -> None:
    drawn = drawing(newest_first(told("web.a.v1", 0), told("billing.b.v1", 1), told("later.c.v1", 2)))
    lanes = dict(drawn.lanes)
    assert [*lanes] == [*SERVICES, "later"]
    assert [dot.y for dot in drawn.dots] == [lanes["web"], lanes["billing"], lanes["later"]]


def test_time_runs_to_the_right_and_long_gaps_are_cut_short() -> None:
    places = [dot.x for dot in drawing(newest_first(*(told("web.a.v1", at) for at in (0, 0.5, 30, 600, 60_000)))).dots]
    gaps = [after - before for before, after in pairwise(places)]
    assert gaps == sorted(gaps)
    assert gaps[0] > 0
    assert gaps[-1] < 5 * gaps[0]


def test_very_many_events_stay_on_a_sheet() -> None:
    drawn = drawing(newest_first(*(told("web.a.v1", 10_000 * at) for at in range(200))))
    assert drawn.width <= 2000
    assert len({dot.x for dot in drawn.dots}) == 200


def test_a_line_joins_the_events_of_a_story() -> None:
    events = [told("web.a.v1", 0, "one"), told("billing.b.v1", 1, "two"), told("notifier.c.v1", 2, "one")]
    (line,) = drawing(newest_first(*events)).threads
    assert len(line.split()) == 2
    assert drawing(newest_first(told("web.a.v1", 0, ""), told("web.a.v1", 1, ""))).threads == []


def test_nothing_is_drawn_as_nothing() -> None:
    drawn = drawing([])
    assert (drawn.dots, drawn.threads, drawn.days) == ([], [], [])
    assert drawn.width > 0


def test_days_are_named_where_there_is_room() -> None:
    near = drawing(newest_first(told("web.a.v1", 0), told("web.a.v1", 24 * 60)))
    assert [text for _, text in near.days] == ["1 March 2026"]
    far = drawing(newest_first(*(told("web.a.v1", 24 * 60 * at) for at in range(8))))
    assert [text for _, text in far.days] == ["1 March 2026", "4 March 2026", "7 March 2026"]


def test_events_of_a_story_that_follow_each_other_are_one_group() -> None:
    events = [told("web.a.v1", 0, story) for story in ("one", "one", "two", "one")]
    assert [(story.id, len(story.events)) for story in stories(events)] == [("one", 2), ("two", 1), ("one", 1)]


def test_places_in_the_list_are_read_strictly() -> None:
    event_id = new_id()
    assert place_of(f"2026-03-01T12:00:00+00:00_{event_id}") == (START, event_id)
    for text in ("", "_", f"2026-03-01T12:00:00_{event_id}", f"x_{event_id}", "2026-03-01T12:00:00+00:00_x"):
        assert place_of(text) is None
    assert the_end(START.replace(month=2, day=28))[0] > START
