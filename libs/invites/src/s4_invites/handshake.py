"""What follows from the messages in an invite's mailbox. Pure: messages in, the next move out."""

import json
from typing import Literal

import msgspec

from s4_invites import keys

# The phases of a wormhole: the exchange of keys, the versions of both sides, then numbered messages of the application.
PAKE, VERSION, INTRODUCTION, SETTINGS = "pake", "version", "0", "1"
_OF_THEIRS = {PAKE, VERSION, INTRODUCTION}
_OF_OURS = {PAKE, VERSION, INTRODUCTION, SETTINGS}
_OUR_VERSION = json.dumps({"app_versions": {}}).encode()
_OUR_INTRODUCTION = json.dumps({"abilities": {"server-v1": {}}}).encode()
# Who writes in our name can do no more than that; a few of their messages are looked at, to find ours among them.
_LOOKED_AT = 8


class Message(msgspec.Struct, frozen=True):
    """One message in a mailbox."""

    side: str
    phase: str
    body: bytes


class Peer(msgspec.Struct, frozen=True):
    """The only client that this invite will ever deal with, and the mailbox in which it waits."""

    side: str
    element: bytes
    mailbox: str


class Kept(msgspec.Struct, frozen=True):
    """All that must survive for the same handshake to go on in another process. Secret."""

    code: str
    side: str
    half: keys.Half
    peer: Peer | None = None

    def __repr__(self) -> str:
        return "Kept(…)"


class Commit(msgspec.Struct, frozen=True):
    """Somebody has made their one guess: nobody else may, from now on."""

    side: str
    element: bytes


class Say(msgspec.Struct, frozen=True):
    """A message of ours is not in the mailbox."""

    phase: str
    body: bytes


class Give(msgspec.Struct, frozen=True):
    """A client has proved that it knows the code, and waits for the settings."""


class Claimed(msgspec.Struct, frozen=True):
    """The settings are in the mailbox of the client that proved itself."""


class Dead(msgspec.Struct, frozen=True):
    """Nobody can use this code any more."""

    outcome: Literal["guessed", "crowded"]


class Wait(msgspec.Struct, frozen=True):
    """It is the other side's turn."""


Move = Commit | Say | Give | Claimed | Dead | Wait


class Handshake:
    """One invite's handshake. What the other side said is remembered when the connection is another one."""

    def __init__(self, kept: Kept, *, may_have_given: bool = False) -> None:
        self._kept = kept
        self._key: bytes | None = None
        self._theirs: dict[str, dict[str, bytes]] = {}
        self._ours: dict[str, list[bytes]] = {}
        self._said: set[str] = set()
        # The client had proved itself before the settings may have left, so it need not do it again.
        self._is_trusted = may_have_given
        self._settings: bytes | None = None

    @property
    def kept(self) -> Kept:
        """What is known by now and must survive."""
        return self._kept

    def reconnected(self) -> None:
        """The mailbox may have lost what we put there."""
        self._ours, self._said = {}, set()

    def hear(self, message: Message) -> None:
        """The message is in the mailbox."""
        if message.side != self._kept.side:
            said = self._theirs.setdefault(message.side, {}) if len(self._theirs) < _LOOKED_AT else {}
            if message.phase in _OF_THEIRS:
                said.setdefault(message.phase, message.body)
        elif message.phase in _OF_OURS and len(found := self._ours.setdefault(message.phase, [])) < _LOOKED_AT:
            found.append(message.body)

    def kept_after(self, commit: Commit, mailbox: str) -> Kept:
        """What must survive before anything is said to who made the guess."""
        return msgspec.structs.replace(self._kept, peer=Peer(commit.side, commit.element, mailbox))

    def committed(self, kept: Kept) -> None:
        """The one guess is on record."""
        self._kept = kept

    def said(self, phase: str) -> None:
        """It was sent on this connection."""
        self._said.add(phase)

    def give(self, settings: bytes) -> None:
        """These are the settings, and it is on record that they may leave."""
        self._settings, self._is_trusted = settings, True

    def next_move(self) -> Move:
        """What is to be done now."""
        if not self._is_there(PAKE):
            return Say(PAKE, keys.write_element(self._kept.half.element))
        peer = self._kept.peer
        if peer is None:
            return self._first_guess()
        if self._theirs.keys() - {peer.side}:
            return Dead("crowded")
        if self._key is None:
            try:
                self._key = keys.shared_key(self._kept.half, peer.element)
            except keys.NoElement:
                return Dead("guessed")
        return self._with_key(self._key, peer)

    def _first_guess(self) -> Move:
        if len(self._theirs) > 1:
            return Dead("crowded")
        for side, said in self._theirs.items():
            if PAKE in said:
                try:
                    return Commit(side, keys.read_element(said[PAKE]))
                except keys.NoElement:
                    return Dead("guessed")
        return Wait()

    def _with_key(self, key: bytes, peer: Peer) -> Move:
        if self._is_ours(SETTINGS):
            return Claimed()
        if not self._is_there(VERSION):
            return self._say(key, VERSION, _OUR_VERSION)
        try:
            said = {
                phase: keys.decrypt(key, peer.side, phase, body)
                for phase, body in self._theirs.get(peer.side, {}).items()
                if phase != PAKE
            }
        except keys.WrongKey:
            return Dead("guessed")
        if not (said or self._is_trusted):
            return Wait()
        if not self._is_there(INTRODUCTION):
            return self._say(key, INTRODUCTION, _OUR_INTRODUCTION)
        return self._with_client(key, said.get(INTRODUCTION))

    def _with_client(self, key: bytes, introduction: bytes | None) -> Move:
        if not self._is_trusted:
            if introduction is None:
                return Wait()
            if not _is_of_a_client(introduction):
                return Dead("guessed")
        if self._settings is None:
            return Give()
        return Wait() if SETTINGS in self._said else self._say(key, SETTINGS, self._settings)

    def _say(self, key: bytes, phase: str, content: bytes) -> Say:
        return Say(phase, keys.encrypt(key, self._kept.side, phase, content))

    def _is_there(self, phase: str) -> bool:
        return phase in self._said or self._is_ours(phase)

    def _is_ours(self, phase: str) -> bool:
        """Whether a message in our name is in the mailbox that nobody else can have put there."""
        return any(self._is_genuine(phase, body) for body in self._ours.get(phase, ()))

    def _is_genuine(self, phase: str, body: bytes) -> bool:
        if phase == PAKE:
            return body == keys.write_element(self._kept.half.element)
        if self._key is None:
            return False
        try:
            keys.decrypt(self._key, self._kept.side, phase, body)
        except keys.WrongKey:
            return False
        return True


def _is_of_a_client(introduction: bytes) -> bool:
    try:
        return "client-v1" in json.loads(introduction)["abilities"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
