"""DescribeInstanceStatus as EC2 answers it: real health, scheduled events, pages, and the limit on ids."""

import datetime as dt
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance
from moto.ec2.responses.instances import InstanceResponse

from s4_devcloud.aws.fleet import Fleet
from s4_devcloud.aws.health import Check, Event

MOST_IDS = 100  # EC2 API reference, DescribeInstanceStatus: "Maximum 100 explicitly specified instance IDs"
LARGEST_PAGE = 1000
PASSED = {"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]}
NOT_APPLICABLE = {"Status": "not-applicable"}


def extend(fleet: Fleet) -> None:
    """From now on instances are shown as they are."""

    def of(check: Check) -> Any:
        return property(lambda instance: _checked(fleet, instance, check))

    Instance.instance_status, Instance.system_status = of("instance"), of("system")  # type: ignore[method-assign]  # no hook
    Instance.events = property(lambda instance: _events(fleet, instance))  # type: ignore[attr-defined]  # none there
    InstanceResponse.describe_instance_status = _describe  # type: ignore[method-assign,assignment]  # no hook


def _describe(response: Any) -> ActionResult:
    ask, filters_of = response._get_param, response._filters_from_querystring  # noqa: SLF001  as moto's own methods do
    ids, size = ask("InstanceIds", []), int(ask("MaxResults", LARGEST_PAGE))
    if len(ids) > MOST_IDS:
        raise EC2ClientError("InvalidParameterValue", f"At most {MOST_IDS} instance IDs may be given.")
    if not 5 <= size <= LARGEST_PAGE:
        raise EC2ClientError("InvalidParameterValue", f"MaxResults is between 5 and {LARGEST_PAGE}.")
    filters = [{"name": name, "values": values} for name, values in filters_of().items()]
    everything = str(ask("IncludeAllInstances", "false")).lower() == "true"
    found = response.ec2_backend.describe_instance_status(ids, everything, filters)
    begin = int(ask("NextToken") or 0)
    more = str(begin + size) if len(found) > begin + size else None
    return ActionResult({"InstanceStatuses": found[begin : begin + size], "NextToken": more})


def _checked(fleet: Fleet, instance: Any, check: Check) -> dict[str, Any]:
    health = fleet.health(instance.id)
    if health is None:
        return NOT_APPLICABLE
    if check not in health.failed_checks():
        return PASSED
    since = {"ImpairedSince": _moment(health.failed_since or 0.0)}
    return {"Status": "impaired", "Details": [{"Name": "reachability", "Status": "failed", **since}]}


def _events(fleet: Fleet, instance: Any) -> list[dict[str, Any]]:
    health = fleet.health(instance.id)
    return [_described(event) for event in health.events] if health else []


def _described(event: Event) -> dict[str, Any]:
    return {
        "InstanceEventId": event.id,
        "Code": event.code,
        "Description": event.description,
        "NotBefore": _moment(event.not_before),
    }


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
