"""What follows from the messages in a mailbox, without a mailbox."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s4_invites import keys
from s4_invites.handshake import Claimed, Commit, Dead, Give, Handshake, Kept, Message, Move, Say, Wait

CODE = "123456789-bababa-dododo"
SETTINGS = b'{"introducer": "pb://"}'
HELLO = json.dumps({"abilities": {"client-v1": {}}}).encode()


def kept() -> Kept:
    return Kept(CODE, "ours", keys.begin(CODE))


class Client:
    """The other side, which has the code."""

    def __init__(self, ours: Kept, code: str = CODE, side: str = "theirs") -> None:
        self.side, self._half = side, keys.begin(code)
        self.key = keys.shared_key(self._half, ours.half.element)

    @property
    def pake(self) -> Message:
        return Message(self.side, "pake", keys.write_element(self._half.element))

    def says(self, phase: str, content: bytes) -> Message:
        return Message(self.side, phase, keys.encrypt(self.key, self.side, phase, content))

    @property
    def all(self) -> list[Message]:
        return [self.pake, self.says("version", b"{}"), self.says("0", HELLO)]

    def reads(self, said: Say) -> Any:
        return json.loads(keys.decrypt(self.key, "ours", said.phase, said.body))


def played(handshake: Handshake, mailbox: list[Message], *, until: type[Move] | None = None) -> list[Move]:
    """The moves until nothing can be done, or one of a kind; what is said is in the mailbox then."""
    moves: list[Move] = []
    while True:
        move = handshake.next_move()
        moves.append(move)
        if until is not None and isinstance(move, until):
            return moves
        match move:
            case Say(phase, body):
                handshake.said(phase)
                mailbox.append(Message("ours", phase, body))
                handshake.hear(mailbox[-1])
            case Commit():
                handshake.committed(handshake.kept_after(move, "m1"))
            case Give():
                handshake.give(SETTINGS)
            case Wait() | Claimed() | Dead():
                return moves


def heard(handshake: Handshake, mailbox: list[Message]) -> Handshake:
    for message in mailbox:
        handshake.hear(message)
    return handshake


def kinds(moves: list[Move]) -> list[str]:
    return [move.phase if isinstance(move, Say) else type(move).__name__ for move in moves]


def test_the_whole_way() -> None:
    ours, mailbox = kept(), list[Message]()
    handshake, client = Handshake(ours), Client(ours)
    assert kinds(played(handshake, mailbox)) == ["pake", "Wait"]
    handshake.hear(client.pake)
    assert kinds(played(handshake, mailbox)) == ["Commit", "version", "Wait"]
    handshake.hear(client.says("version", b"{}"))
    assert kinds(played(handshake, mailbox)) == ["0", "Wait"]
    handshake.hear(client.says("0", HELLO))
    moves = played(handshake, mailbox)
    assert kinds(moves) == ["Give", "1", "Claimed"]
    said = {message.phase: client.reads(Say(message.phase, message.body)) for message in mailbox[1:]}
    assert said == {
        "version": {"app_versions": {}},
        "0": {"abilities": {"server-v1": {}}},
        "1": json.loads(SETTINGS),
    }


def test_before_the_settings_come_back_nothing_is_claimed() -> None:
    ours = kept()
    handshake = heard(Handshake(ours), Client(ours).all)
    played(handshake, [], until=Give)
    handshake.give(SETTINGS)
    move = handshake.next_move()
    assert isinstance(move, Say)
    handshake.said(move.phase)
    assert handshake.next_move() == Wait()
    handshake.hear(Message("ours", "1", move.body))
    assert handshake.next_move() == Claimed()


@pytest.mark.parametrize("cut", range(1, 9))
def test_another_process_goes_on_from_what_was_kept_and_what_is_in_the_mailbox(cut: int) -> None:
    ours, mailbox = kept(), list[Message]()
    client = Client(ours)
    handshake, is_given, moves = Handshake(ours), False, 0
    heard(handshake, client.all)
    mailbox += client.all
    while not isinstance(move := handshake.next_move(), Claimed):
        moves += 1
        if isinstance(move, Say):
            handshake.said(move.phase)
            mailbox.append(Message("ours", move.phase, move.body))
            handshake.hear(mailbox[-1])
        elif isinstance(move, Commit):
            handshake.committed(handshake.kept_after(move, "m1"))
        elif isinstance(move, Give):
            is_given = True
            handshake.give(SETTINGS)
        if moves == cut:
            saved = msgspec.json.decode(msgspec.json.encode(handshake.kept), type=Kept)
            handshake = heard(Handshake(saved, may_have_given=is_given), mailbox)
            assert kinds(played(handshake, mailbox))[-1] == "Claimed"
            return
    assert cut > moves


def test_what_the_mailbox_has_lost_is_said_again() -> None:
    ours, mailbox = kept(), list[Message]()
    client = Client(ours)
    handshake = heard(Handshake(ours), client.all)
    played(handshake, mailbox, until=Give)
    handshake.reconnected()
    assert kinds(played(handshake, [])) == ["pake", "version", "0", "Give", "1", "Claimed"]


def test_settings_that_may_have_left_are_given_again_to_the_same_client_though_it_says_nothing_more() -> None:
    ours = kept()
    client = Client(ours)
    first = heard(Handshake(ours), client.all)
    played(first, [], until=Give)
    again, mailbox = Handshake(first.kept, may_have_given=True), list[Message]()
    assert kinds(played(again, mailbox)) == ["pake", "version", "0", "Give", "1", "Claimed"]
    assert client.reads(Say("1", mailbox[-1].body)) == json.loads(SETTINGS)


@pytest.mark.parametrize("phase", ["version", "0"])
def test_a_wrong_code_is_one_guess_and_gives_nothing(phase: str) -> None:
    ours = kept()
    thief = Client(ours, CODE + "x")
    handshake = heard(Handshake(ours), [thief.pake, thief.says(phase, HELLO)])
    moves = played(handshake, [])
    assert kinds(moves) == ["pake", "Commit", "version", "Dead"]
    assert moves[-1] == Dead("guessed")


@pytest.mark.parametrize("body", [b"", b"{}", b"nonsense", b"\xff"])
def test_nonsense_is_a_wrong_guess(body: bytes) -> None:
    handshake = heard(Handshake(kept()), [Message("theirs", "pake", body)])
    assert played(handshake, [])[-1] == Dead("guessed")


def test_our_own_first_message_as_anothers_is_a_wrong_guess() -> None:
    ours = kept()
    mirror = Message("theirs", "pake", keys.write_element(ours.half.element))
    assert played(heard(Handshake(ours), [mirror]), [])[-1] == Dead("guessed")


def test_who_is_no_client_of_a_grid_gets_nothing() -> None:
    ours = kept()
    client = Client(ours)
    for introduction in (b'{"abilities": {"other": {}}}', b"{}", b"[]", b"text", b"3"):
        handshake = heard(Handshake(ours), [client.pake, client.says("0", introduction)])
        assert played(handshake, [])[-1] == Dead("guessed")


def test_two_others_crowd_each_other_out_before_and_after_the_guess() -> None:
    ours = kept()
    one, two = Client(ours, side="one"), Client(ours, side="two")
    assert played(heard(Handshake(ours), [one.pake, two.pake]), [])[-1] == Dead("crowded")
    later = heard(Handshake(ours), [one.pake])
    played(later, [])
    later.hear(two.pake)
    assert later.next_move() == Dead("crowded")


def test_a_second_message_of_the_same_phase_changes_nothing() -> None:
    ours = kept()
    client, other = Client(ours), Client(ours)
    handshake = heard(Handshake(ours), [client.pake, other.pake, *client.all])
    assert kinds(played(handshake, []))[-1] == "Claimed"


def test_words_put_into_our_mouth_do_not_count() -> None:
    """Everybody at the mailbox sees our side's name, and could write under it."""
    ours = kept()
    client = Client(ours)
    forged = [Message("ours", phase, b"forged" * 20) for phase in ("pake", "version", "0", "1")] * 9
    handshake = heard(Handshake(ours), [*forged[:4], *client.all])
    assert kinds(played(handshake, [])) == ["pake", "Commit", "version", "0", "Give", "1", "Claimed"]
    flooded = heard(Handshake(ours), [*forged, *client.all])
    assert "Claimed" not in kinds(played(flooded, [], until=Give))


def test_phases_of_other_protocols_are_passed_over() -> None:
    ours = kept()
    client = Client(ours)
    more = [Message("theirs", "dilate-0", b"x"), Message("theirs", "7", b"y"), Message("ours", "7", b"z")]
    assert kinds(played(heard(Handshake(ours), [*more, *client.all]), []))[-1] == "Claimed"


OURS = kept()
CLIENT = Client(OURS)
THIEVES = {side: Client(OURS, CODE + "x", side) for side in ("one", "two", "ours")}


@settings(max_examples=25, deadline=None)
@given(st.permutations([*CLIENT.all, *CLIENT.all[1:]]))
def test_in_whatever_order_and_however_often_the_client_is_heard_it_is_served(said: list[Message]) -> None:
    """A mailbox that was lost and filled again has its own order."""
    handshake = Handshake(OURS)
    for message in said:
        handshake.hear(message)
        played(handshake, [])
    assert handshake.next_move() == Claimed()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(THIEVES)), st.sampled_from(["pake", "version", "0", "1"]))))
def test_nobody_without_the_code_is_ever_given_anything(said: list[tuple[str, str]]) -> None:
    handshake = Handshake(OURS)
    for side, phase in said:
        thief = THIEVES[side]
        handshake.hear(thief.pake if phase == "pake" else thief.says(phase, HELLO))
        assert not {"Give", "Claimed", "0", "1"} & set(kinds(played(handshake, [])))
