"""A file of settings that Gridsync loads, in place of an invite code."""

import json

from s4_web.provisioner_client import Key

_VERSION = 2  # the newest that Gridsync knows; it refuses later ones


def settings_file(key: Key) -> str:
    """The settings as JSON. Share counts are numbers; the nickname is the grid's own, for Gridsync takes one once."""
    settings = {"version": _VERSION, "nickname": key.nickname, "introducer": key.furl.reveal()}
    counts = {f"shares-{name}": key.shares[name] for name in ("needed", "happy", "total")}
    return json.dumps({**settings, **counts}, indent=2)
