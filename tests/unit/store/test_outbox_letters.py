import json

from s4_contracts import decode
from s4_runtime import context, is_id
from s4_store import outbox
from support.events import a_paid_signup, an_invite


def test_a_letter_holds_the_event_as_it_will_be_read() -> None:
    event = an_invite()
    letter = outbox.compose(event, None)
    assert decode(letter.body.encode(), letter.type) == event
    assert letter.type == "web.invite-requested.v1"
    assert is_id(letter.id)
    assert not letter.keyed


def test_the_same_key_gives_the_same_id_and_another_key_or_type_another() -> None:
    ids = [
        outbox.compose(an_invite(), "a").id,
        outbox.compose(an_invite(), "a").id,
        outbox.compose(an_invite(), "b").id,
        outbox.compose(a_paid_signup(), "a").id,
        outbox.compose(an_invite(), None).id,
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


def test_headers_tell_the_story_that_is_bound() -> None:
    with context.bound(context.Cause("story-1", "message-1", "00-" + "a" * 32 + "-" + "b" * 16 + "-01")) as cause:
        headers = json.loads(outbox.compose(an_invite(), None).headers)
    assert context.from_headers(headers, "message-1") == cause
    assert headers["X-Causation-Id"] == "message-1"
