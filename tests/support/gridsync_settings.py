"""A file of settings read by the rules of Gridsync (gridsync/recovery.py, setup.py and tahoe.py of its version 0.6)."""

import json
import re
from typing import Any

_FURL = re.compile(r"^pb://[a-z2-7]+@[a-zA-Z0-9\.:,-]+:\d+/[a-z2-7]+$")
_KNOWN = {"nickname", "introducer", "shares-needed", "shares-happy", "shares-total"}
_NEWEST = 2
_TAKEN = ("Least Authority S4", "HRO Cloud")  # Gridsync draws the icons of others for these


def load(text: bytes) -> dict[str, Any]:
    """The settings as Gridsync takes them over; fails where it would ask or refuse."""
    settings = json.loads(text.decode("utf-8"))
    assert isinstance(settings, dict)
    assert int(settings.get("version", _NEWEST)) <= _NEWEST
    assert settings["nickname"], "Gridsync would ask for a name"
    assert settings["nickname"] not in _TAKEN
    assert "/" not in settings["nickname"], "it becomes the name of a folder"
    assert _FURL.match(settings["introducer"])
    assert not set(settings) - _KNOWN - {"version"}, "Gridsync would pass it by"
    return settings


def command(settings: dict[str, Any]) -> list[str]:
    """The arguments of the client that Gridsync makes of them."""
    arguments = ["create-client", "--webport=tcp:0:interface=127.0.0.1"]
    for name, value in settings.items():
        if name in _KNOWN:
            arguments.extend([f"--{name}", str(value)])
    return arguments
