"""moto's EC2 with machines behind it, and without the gaps that would let a wrong caller pass."""

import hashlib
import threading
from typing import Any, ClassVar

from moto.ec2 import utils as moto_utils
from moto.ec2.exceptions import DependencyViolationError, EC2ClientError, InvalidInstanceTypeError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.instances import Instance

from s4_devcloud.aws import status
from s4_devcloud.aws.fleet import Fleet, groups_of
from s4_devcloud.aws.indexed import IndexedBackend
from s4_devcloud.aws.quotas import Quotas
from s4_devcloud.aws.tokens import MISSING, ClientTokens, fingerprint


class MachineBackend(IndexedBackend):
    """One account's EC2 in one region. moto makes its backends itself, so what they share is set by `extend`."""

    fleet: ClassVar[Fleet]
    tokens: ClassVar[ClientTokens]
    quotas: ClassVar[Quotas]
    image_name: ClassVar[str]
    lock: ClassVar[threading.RLock]

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        _register_image(self, self.image_name)

    def reset(self) -> None:
        """As after a fresh start: no machine, no token."""
        self.fleet.end_all()
        self.tokens.clear()
        super().reset()

    def run_instances(
        self, image_id: str, count: int, user_data: Any, security_group_names: list[str], **options: Any
    ) -> Any:
        """Boot machines, or answer as the same request with this ClientToken was answered before."""
        token, place = options.get("client_token", MISSING), (self.account_id, self.region_name)
        encoded = user_data.as_bytes() if user_data else b""
        request = fingerprint(image_id, count, encoded, security_group_names, options)
        if token == MISSING:
            options["client_token"] = None
        with self.lock:
            if token != MISSING and (before := self.tokens.answer(place, token, request)) is not None:
                return before
            public_key = _public_key(self, options.get("key_name"))
            self.quotas.check_vcpus(str(options.get("instance_type")), int(count), self._living())
            try:
                reservation = super().run_instances(image_id, count, user_data, security_group_names, **options)
            except InvalidInstanceTypeError:
                wrong = f"Invalid value '{options['instance_type']}' for InstanceType."
                raise EC2ClientError("InvalidParameterValue", wrong) from None  # moto has another code
            if token != MISSING:
                self.tokens.remember(place, token, request, reservation)
            for instance in reservation.instances:
                self.fleet.launch(instance, public_key)
        return reservation

    def _living(self) -> list[Instance]:
        return [instance for instance in self.all_instances() if instance.state != "terminated"]

    def terminate_instances(self, instance_ids: list[str]) -> Any:
        """Their machines are destroyed when this returns."""
        before = super().terminate_instances(instance_ids)
        for instance_id in instance_ids:
            self.fleet.ended(instance_id)
        return before

    def stop_instances(self, instance_ids: list[str]) -> Any:
        """Refused: better than a stopped instance that goes on answering."""
        raise _unsupported("stop", instance_ids)

    def start_instances(self, instance_ids: list[str]) -> Any:
        """Refused, see stop_instances."""
        raise _unsupported("start", instance_ids)

    def reboot_instances(self, instance_ids: list[str]) -> Any:
        """Refused, see stop_instances."""
        raise _unsupported("reboot", instance_ids)

    def associate_iam_instance_profile(
        self,
        instance_id: str,
        iam_instance_profile_name: str | None = None,
        iam_instance_profile_arn: str | None = None,
    ) -> Any:
        """RunInstances associates each time it is called: a repeated token finds what it did before."""
        known = self.iam_instance_profile_associations.get(instance_id)
        asked = {iam_instance_profile_name, iam_instance_profile_arn}
        if known and asked & {known.iam_instance_profile.name, known.iam_instance_profile.arn}:
            return known
        return super().associate_iam_instance_profile(instance_id, iam_instance_profile_name, iam_instance_profile_arn)

    def delete_security_group(self, name: str | None = None, group_id: str | None = None) -> None:
        """Raises DependencyViolation while an instance that is not terminated uses the group."""
        for group in (group for instance in self._living() for group in groups_of(instance).values()):
            if group.id == group_id or (name and group.name == name):
                raise DependencyViolationError(f"resource {group.id} has a dependent object")
        super().delete_security_group(name, group_id)

    def authorize_security_group_ingress(self, *args: Any, **kwargs: Any) -> Any:
        """The ports answer when this returns."""
        added = super().authorize_security_group_ingress(*args, **kwargs)
        self.fleet.sync_ports()
        return added

    def revoke_security_group_ingress(self, *args: Any, **kwargs: Any) -> None:
        """New connections are refused when this returns."""
        super().revoke_security_group_ingress(*args, **kwargs)
        self.fleet.sync_ports()

    def modify_security_group_rules(self, *args: Any, **kwargs: Any) -> None:
        """As authorize and revoke."""
        super().modify_security_group_rules(*args, **kwargs)
        self.fleet.sync_ports()

    def modify_instance_security_groups(self, *args: Any, **kwargs: Any) -> Any:
        """As authorize and revoke."""
        instance = super().modify_instance_security_groups(*args, **kwargs)
        instance.nics[0]._group_set = list(instance.security_groups)  # noqa: SLF001  the primary interface's groups
        self.fleet.sync_ports()
        return instance


MachineBackend.__module__ = EC2Backend.__module__  # moto finds its routes by the name of the module


def extend(fleet: Fleet, image_name: str, tokens: ClientTokens, quotas: Quotas) -> None:
    """From now on every region of the emulated cloud starts machines."""
    moto_utils.filter_dict_attribute_mapping["client-token"] = "client_token"
    status.extend(fleet)
    MachineBackend.fleet, MachineBackend.tokens, MachineBackend.image_name = fleet, tokens, image_name
    MachineBackend.quotas = quotas
    MachineBackend.lock = threading.RLock()
    ec2_backends.backend = MachineBackend


def _register_image(backend: EC2Backend, name: str) -> None:
    image = backend.register_image(name, "Debian with the S4 node distribution")
    del backend.amis[image.id]
    image.id = f"ami-{hashlib.sha256(name.encode()).hexdigest()[:17]}"  # the same image, the same id
    image.architecture, image.virtualization_type, image.hypervisor = "x86_64", "hvm", "xen"
    image.root_device_type, image.root_device_name = "ebs", "/dev/xvda"
    image.image_location = f"{backend.account_id}/{name}"
    backend.amis[image.id] = image


def _public_key(backend: EC2Backend, key_name: str | None) -> str:
    """The material of the named key. Raises moto's InvalidKeyPair.NotFound."""
    if not key_name:
        return ""
    material: Any = backend.describe_key_pairs(key_names=[key_name])[0].material_public
    return material.decode() if isinstance(material, bytes) else str(material)


def _unsupported(what: str, instance_ids: list[str]) -> EC2ClientError:
    names = ", ".join(instance_ids)
    return EC2ClientError("UnsupportedOperation", f"The local cloud cannot {what} {names}: terminate, and run another.")
