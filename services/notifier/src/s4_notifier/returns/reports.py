"""Reading what comes back. Pure: whatever the bytes, there is a report or none."""

import email
import re
from email import policy
from email.message import Message
from typing import Literal, TypeAlias

import msgspec

# RFC 3463, section 2: class, subject and detail.
_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})")
_ACTIONS = frozenset({"delayed", "delivered", "relayed", "expanded"})
_STATUS_TYPE, _GLOBAL_TYPE = b"message/delivery-status", b"message/global-delivery-status"  # RFC 6533 has the other
# Parts within parts are parsed in time that grows with their square. A report about a letter of ours has five.
_PARTS_IN_PARTS = 20
_Part: TypeAlias = "Message[str, str]"
_COMPLAINTS = frozenset({"abuse", "fraud"})


class Report(msgspec.Struct, frozen=True):
    """What happened to the letter: it failed for good, with a ``status`` of RFC 3463; its reader complained; other."""

    outcome: Literal["failed", "complained", "under-way", "unread"]
    status: str = ""

    @property
    def is_about_address(self) -> bool:
        """Whether the address takes nothing, and not only this letter or at this time."""
        return self.status.startswith("5.")


UNREAD = Report("unread")


def read(content: bytes) -> Report:
    """The report in the message: a delivery status notification (RFC 3464) or an abuse report (RFC 5965)."""
    if content.lower().count(b"boundary") > _PARTS_IN_PARTS:
        return UNREAD
    message = email.message_from_bytes(content.replace(_GLOBAL_TYPE, _STATUS_TYPE), policy=policy.compat32)
    if message.get_content_type() != "multipart/report" or not message.is_multipart():
        return UNREAD
    for part in _parts(message):
        if part.get_content_type() == _STATUS_TYPE.decode():
            return _delivery(part)
        if part.get_content_type() == "message/feedback-report":
            return _feedback(part)
    return UNREAD


def _delivery(part: _Part) -> Report:
    """The first block is about the message, each other about a recipient (RFC 3464, 2.1): none of them got it."""
    recipients = _parts(part)[1:]
    actions = {_field(block, "Action") for block in recipients}
    found = [_STATUS.search(_field(block, "Status")) for block in recipients]
    if actions == {"failed"} and found[0] and found[0][1] != "2":
        return Report("failed", found[0][0])
    return Report("under-way") if actions & _ACTIONS else UNREAD


def _feedback(part: _Part) -> Report:
    kinds = {_field(fields, "Feedback-Type") for fields in _parts(part)}
    return Report("complained") if kinds & _COMPLAINTS else UNREAD


def _parts(message: _Part) -> list[_Part]:
    """What the parser has found in it; of blocks of fields, those that have any."""
    found = message.get_payload()
    return [part for part in found if isinstance(part, Message) and part.keys()] if isinstance(found, list) else []


def _field(block: _Part, name: str) -> str:
    """The first word of the field, without comments' and case's differences."""
    words = str(block.get(name, "")).split("(")[0].split(";")[0].split()
    return words[0].lower() if words else ""
