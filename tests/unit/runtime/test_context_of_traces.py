"""Which trace a story is part of."""

from s4_runtime import context

BEGUN = f"00-{'a' * 32}-{'b' * 16}-01"


def test_a_new_story_has_no_span_yet() -> None:
    assert context.is_fresh(context.fresh().traceparent)
    assert context.is_fresh(context.from_headers({}).traceparent)


def test_a_story_that_came_with_a_trace_goes_on_in_it() -> None:
    cause = context.from_headers({"traceparent": BEGUN})
    assert cause.traceparent == BEGUN
    assert not context.is_fresh(cause.traceparent)


def test_what_is_no_trace_is_replaced() -> None:
    for wrong in ("", "00-x-y-01", BEGUN + "0", "ff" + BEGUN[2:]):
        assert context.is_fresh(context.from_headers({"traceparent": wrong}).traceparent)


def test_a_kept_trace_is_taken_up_again_in_the_story_that_is_under_way() -> None:
    with context.bound(context.Cause("story-1", "event-1", context.fresh().traceparent)):
        assert context.continued(BEGUN) == context.Cause("story-1", "event-1", BEGUN)


def test_without_a_kept_trace_the_story_stays_as_it_is() -> None:
    with context.bound(context.fresh()) as cause:
        assert context.continued(None) == cause
