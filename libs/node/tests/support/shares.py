"""Shares for a test: to be stored through a node, by either protocol."""

import secrets

from support.ledger import Slot, Upload, check_slot, check_upload
from support.load import change, store
from support.speaking import Speaking
from support.spinning import spin


def an_upload(size: int = 2000, number: int = 0) -> Upload:
    """Nobody has stored it."""
    return Upload(secrets.token_bytes(16), number, size)


def a_slot(most_bytes: int = 2000, number: int = 0) -> Slot:
    """The same, of a mutable share."""
    return Slot(secrets.token_bytes(16), number, most_bytes)


def stored(client: Speaking, upload: Upload) -> Upload:
    """The client was told that it is stored, and reads it."""
    spin(store(client, upload), 60)
    spin(check_upload(client, upload), 60)
    return upload


def changed(client: Speaking, slot: Slot) -> Slot:
    """The same of a mutable share's next version."""
    assert spin(change(client, slot), 60)
    spin(check_slot(client, slot), 60)
    return slot


def use(client: Speaking) -> None:
    """A client can store and read whatever there is."""
    stored(client, an_upload())
    changed(client, changed(client, a_slot()))
