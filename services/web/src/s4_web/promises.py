"""What the pages promise about time and size."""

from datetime import timedelta

from s4_runtime import ServiceSettings


class Promises(ServiceSettings, frozen=True, kw_only=True):
    """Each is a setting of another service, which keeps the promise, and has the same name and value there.

    ``grace`` and ``retention`` are billing's, the two lifetimes of links the notifier's, ``invite_lifetime`` the invite
    agent's, ``erasure_delay`` the provisioner's. ``largest_file_bytes`` is a little less than the space that a node has
    for uploads on their way (its ``spool_bytes``).
    """

    grace: timedelta = timedelta(days=14)
    retention: timedelta = timedelta(days=30)
    link_lifetime: timedelta = timedelta(days=7)
    sign_in_lifetime: timedelta = timedelta(minutes=30)
    invite_lifetime: timedelta = timedelta(days=7)
    erasure_delay: timedelta = timedelta(hours=24)
    largest_file_bytes: int = 4_000_000_000
