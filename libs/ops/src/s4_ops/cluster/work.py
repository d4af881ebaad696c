"""All that a command about one cluster works with."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from s4_ops.cluster.cloud import Cloud
from s4_ops.cluster.kops import Kops
from s4_ops.cluster.place import Place, place_of
from s4_ops.cluster.programs import Programs
from s4_ops.cluster.spec import Spec


class Work(msgspec.Struct, frozen=True):
    """One cluster, its place on this machine, and the ways to reach it."""

    spec: Spec
    place: Place
    programs: Programs
    cloud: Cloud
    kops: Kops


@contextmanager
def open_work(spec: Spec) -> Iterator[Work]:
    """For one command. Raises Permanent when the credentials are of another account than the spec's."""
    place, cloud = place_of(spec), Cloud(spec.region)
    programs = Programs(place.kubeconfig.absolute())
    try:
        cloud.require_account(spec.account)
        yield Work(spec, place, programs, cloud, Kops(programs, spec, place))
    finally:
        cloud.close()
