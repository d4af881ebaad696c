"""How many more grids a pool can take: on machines that there are, and on machines that could be had. Pure."""

import msgspec

from s4_provisioner.fleet.quotas import Allowed


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a pool stands.

    ``free``: places on machines that there are. ``waiting``: grids that were paid for and are on none yet, and
    ``bucketless`` those without a bucket. ``refused``: why no machine could be had of late.
    """

    free: int
    waiting: int
    bucketless: int
    refused: str | None


class Room(msgspec.Struct, frozen=True):
    """``places`` is None where nobody knows; ``code`` says why there are none."""

    places: int | None
    code: str | None = None

    @property
    def can_build(self) -> bool:
        """Whether one more grid can be built, as far as anybody knows."""
        return self.places is None or self.places > 0


def room(standing: Standing, allowed: Allowed, slots: int, vcpus_each: int | None) -> Room:
    """What is left once everybody has a place who has paid for one."""
    machines = _more(standing, allowed, vcpus_each)
    places = None if machines is None else max(0, standing.free + machines * slots - standing.waiting)
    buckets = None if allowed.buckets is None else max(0, allowed.buckets - standing.bucketless)
    if places == 0:
        return Room(0, standing.refused or "vcpu-quota")
    if buckets == 0:
        return Room(0, "bucket-quota")
    return Room(places if buckets is None or places is None else min(places, buckets))


def _more(standing: Standing, allowed: Allowed, vcpus_each: int | None) -> int | None:
    """How many more machines there may be."""
    if standing.refused:
        return 0
    if allowed.vcpus is None or not vcpus_each:
        return None
    return allowed.vcpus // vcpus_each
