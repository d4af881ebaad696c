"""moto's EC2 with an index of its instances: it looks through all of them for each one that it is asked for."""

from collections.abc import Iterator
from typing import Any

from moto.ec2.exceptions import InvalidInstanceIdError
from moto.ec2.models import EC2Backend
from moto.ec2.models.instances import Instance, Reservation
from moto.ec2.utils import filter_reservations


class IndexedBackend(EC2Backend):
    """The same answers, in a time that does not grow with the number of instances."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._known: dict[str, tuple[Reservation, Instance]] = {}

    def get_instance(self, instance_id: str) -> Instance:
        """Raises moto's InvalidInstanceID.NotFound."""
        if (found := self._find(instance_id)) is None:
            raise InvalidInstanceIdError(instance_id)
        return found[1]

    def get_instance_by_id(self, instance_id: str) -> Instance | None:
        """None when there is none."""
        found = self._find(instance_id)
        return found[1] if found else None

    def get_multi_instances_by_id(self, instance_ids: list[str], filters: Any = None) -> list[Instance]:
        """Those of them that pass the filters. Raises moto's InvalidInstanceID.NotFound."""
        if missing := [instance_id for instance_id in instance_ids if self._find(instance_id) is None]:
            raise InvalidInstanceIdError(missing)
        return [instance for each in instance_ids if (instance := self.get_instance(each)).applies(filters)]

    def get_reservations_by_instance_ids(self, instance_ids: list[str], filters: Any = None) -> list[Reservation]:
        """As RunInstances made them, each with those of its instances that were asked for."""
        found: dict[str, Reservation] = {}
        for instance_id in instance_ids:
            if (known := self._find(instance_id)) is None:
                raise InvalidInstanceIdError(instance_id)
            reservation, instance = known
            shown = found.setdefault(reservation.id, Reservation(reservation.id, reservation.owner_id))
            shown.groups = reservation.groups
            shown.instances.append(instance)
        shown_all = list(found.values())
        return shown_all if filters is None else filter_reservations(shown_all, filters)

    def all_instances(self, filters: Any = None) -> list[Instance]:
        """Oldest first."""
        return [instance for instance in self._all() if filters is None or instance.applies(filters)]

    def all_running_instances(self, filters: Any = None) -> list[Instance]:
        """Oldest first."""
        running = (instance for instance in self._all() if instance.state == "running")
        return [instance for instance in running if filters is None or instance.applies(filters)]

    def _all(self) -> Iterator[Instance]:
        return (instance for reservation in list(self.reservations.values()) for instance in reservation.instances)

    def _find(self, instance_id: str) -> tuple[Reservation, Instance] | None:
        """The newest are not yet in the index, and are the ones that are asked for first."""
        if (known := self._known.get(instance_id)) is not None:
            return known
        for reservation in reversed(list(self.reservations.values())):
            for instance in reservation.instances:
                self._known[instance.id] = (reservation, instance)
            if instance_id in self._known:
                return self._known[instance_id]
        return None
