"""Service Quotas: how much an account may have, and what is said when it wants more."""

import json
import threading
from typing import Any, ClassVar

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.s3.exceptions import S3ClientError
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend, servicequotas_backends
from moto.servicequotas.responses import ServiceQuotasResponse

STANDARD_VCPUS, BUCKETS = ("ec2", "L-1216C47A"), ("s3", "L-DC2B2D3D")
STANDARD_FAMILIES = frozenset("acdhimrtz")
NAMES = {
    STANDARD_VCPUS: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    BUCKETS: "General purpose buckets",
}
# The second one is AWS's own. The first one is enough for thousands of machines: a new account has 5.
VALUES = {STANDARD_VCPUS: 100_000.0, BUCKETS: 10_000.0}


class UnknownQuota(Exception):
    """There is no such quota here."""


class Quotas:
    """The values, the same in every account and region."""

    def __init__(self) -> None:
        self._values, self._lock = dict(VALUES), threading.Lock()

    def of(self, which: tuple[str, str]) -> float:
        """How much there may be. Raises UnknownQuota."""
        try:
            return self._values[which]
        except KeyError:
            raise UnknownQuota from None

    def set(self, which: tuple[str, str], value: float | None) -> None:
        """From now on that much, or as at first. Raises UnknownQuota."""
        if which not in NAMES:
            raise UnknownQuota
        with self._lock:
            self._values[which] = VALUES[which] if value is None else value

    def listed(self) -> list[dict[str, Any]]:
        """All of them in JSON form."""
        return [{"service": service, "code": code, "value": self.of((service, code))} for service, code in NAMES]

    def check_vcpus(self, instance_type: str, count: int, living: list[Any]) -> None:
        """Raises VcpuLimitExceeded when so many more of this type would be too many."""
        if not _is_standard(instance_type):
            return
        used = sum(_vcpus(instance.instance_type) for instance in living if _is_standard(instance.instance_type))
        if used + count * _vcpus(instance_type) > self.of(STANDARD_VCPUS):
            limit = f"{self.of(STANDARD_VCPUS):.0f}"
            raise EC2ClientError("VcpuLimitExceeded", f"More vCPUs were asked for than the current limit of {limit}.")

    def check_buckets(self, count: int) -> None:
        """Raises TooManyBuckets when there may be no more than there are."""
        if count >= self.of(BUCKETS):
            raise S3ClientError("TooManyBuckets", "You have attempted to create more buckets than allowed")


class QuotasBackend(ServiceQuotasBackend):
    """One account's quotas in one region."""

    quotas: ClassVar[Quotas]

    def get_service_quota(self, service_code: str, quota_code: str) -> dict[str, Any]:
        """Raises moto's NoSuchResource."""
        try:
            value = self.quotas.of((service_code, quota_code))
        except UnknownQuota:
            return super().get_service_quota(service_code, quota_code)
        return {
            "Adjustable": True,
            "GlobalQuota": service_code == "s3",
            "QuotaArn": f"arn:aws:servicequotas:{self.region_name}:{self.account_id}:{service_code}/{quota_code}",
            "QuotaCode": quota_code,
            "QuotaName": NAMES[service_code, quota_code],
            "ServiceCode": service_code,
            "ServiceName": {"ec2": "Amazon Elastic Compute Cloud (Amazon EC2)"}.get(service_code, "Amazon S3"),
            "Unit": "None",
            "Value": value,
        }

    def list_service_quotas(self, service_code: str) -> list[dict[str, Any]]:
        """All of a service. Raises moto's NoSuchResource."""
        found = [self.get_service_quota(*which) for which in NAMES if which[0] == service_code]
        if not found:
            raise NoSuchResource
        return found


QuotasBackend.__module__ = ServiceQuotasBackend.__module__  # moto finds its routes by the name of the module


def extend(quotas: Quotas) -> None:
    """From now on these are the quotas."""

    def list_service_quotas(response: Any) -> str:
        return json.dumps({"Quotas": response.backend.list_service_quotas(json.loads(response.body)["ServiceCode"])})

    QuotasBackend.quotas = quotas
    servicequotas_backends.backend = QuotasBackend
    ServiceQuotasResponse.list_service_quotas = list_service_quotas  # type: ignore[attr-defined]  # moto has none


def _is_standard(instance_type: str) -> bool:
    return instance_type[:1] in STANDARD_FAMILIES


def _vcpus(instance_type: str) -> int:
    return int(INSTANCE_TYPES.get(instance_type, {}).get("VCpuInfo", {}).get("DefaultVCpus", 0))
