"""Multipart uploads that were begun here: what their completion has to say again."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

REMEMBERED = 10_000  # uploads


@dataclass
class Begun:
    """One upload: the token it was begun with, and the CRC-32 of each part that was sent."""

    token: str = ""
    sums: dict[int, str] = field(default_factory=dict)


class BegunUploads:
    """By their ids; the oldest is forgotten when there are too many. Any thread."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._begun: OrderedDict[str, Begun] = OrderedDict()

    def add(self, upload: str, token: str) -> None:
        """It was begun."""
        self._begun[upload] = Begun(token)
        while len(self._begun) > self._most:
            self._begun.popitem(last=False)

    def was_sent(self, upload: str, number: int, crc32: str) -> None:
        """S3 has this part, with this sum."""
        begun = self._begun.get(upload)
        if begun is not None:
            begun.sums[number] = crc32

    def token(self, upload: str) -> str:
        """Empty for one that was not begun here."""
        return self._begun.get(upload, Begun()).token

    def sums(self, upload: str) -> Mapping[int, str]:
        """Of its parts, by their numbers."""
        return self._begun.get(upload, Begun()).sums

    def forget(self, upload: str) -> None:
        """It was completed or aborted."""
        self._begun.pop(upload, None)
