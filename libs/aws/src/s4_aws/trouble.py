"""AWS's errors in our words. AWS's own text goes no further than here: it may quote a request."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import MappingProxyType

from botocore.exceptions import BotoCoreError, ClientError

from s4_runtime import Permanent, Temporary

_CAPACITY_WAIT = timedelta(minutes=2)
_BUSY_WAIT = timedelta(seconds=5)


class AwsUnavailable(Temporary):
    """AWS could not be reached, answered with a server error, or asks us to slow down."""


class NoCapacity(Temporary):
    """The region has no machine of this type now (EC2 error InsufficientInstanceCapacity and its like)."""


class QuotaReached(Permanent):
    """The account may not have more of this; somebody has to ask AWS, or to clear up."""


class AwsRefused(Permanent):
    """AWS does not accept the request, or us. The code is AWS's, which is a name from its documentation."""


class NotThere(Permanent):
    """Something that the request names does not exist."""


# EC2, S3, IAM and Route 53, "Common errors" and each service's list; "5xx" is added by status below.
_BUSY = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "SlowDown"),
        *("TooManyRequestsException", "RequestThrottled", "EC2ThrottledException", "PriorRequestNotComplete"),
        *("OperationAborted", "ConcurrentModification", "RequestTimeout", "Unavailable", "ServiceUnavailable"),
        # IAM: what was taken off a role a moment ago may still seem to be on it.
        *("DeleteConflict", "EntityTemporarilyUnmodifiable"),
        *("InternalError", "InternalFailure", "ExpiredToken", "ExpiredTokenException", "RequestExpired"),
    }
)
_CAPACITY = frozenset(
    {
        *("InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientCapacity"),
        *("InsufficientFreeAddressesInSubnet", "InsufficientAddressCapacity", "Server.InsufficientInstanceCapacity"),
    }
)
_QUOTA = frozenset(
    {
        *("InstanceLimitExceeded", "VcpuLimitExceeded", "LimitExceeded", "TooManyBuckets", "VolumeLimitExceeded"),
        *("SecurityGroupLimitExceeded", "MaxSpotInstanceCountExceeded", "PendingVerification"),
    }
)
KINDS = MappingProxyType({"busy": _BUSY, "capacity": _CAPACITY, "quota": _QUOTA})


def code_of(error: ClientError) -> str:
    """AWS's name of the error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _status_of(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def translated(error: ClientError) -> Temporary | Permanent:
    """What the error means to us."""
    code = code_of(error)
    if code in _CAPACITY:
        return NoCapacity("aws-no-capacity", retry_after=_CAPACITY_WAIT)
    if code in _QUOTA:
        return QuotaReached("aws-quota-reached", reason=code)
    if code in _BUSY or _status_of(error) >= 500:
        return AwsUnavailable("aws-busy", retry_after=_BUSY_WAIT, reason=code)
    if code.endswith((".NotFound", "NoSuchEntity", "NoSuchBucket", "NoSuchHostedZone", "NoSuchChange")):
        return NotThere("aws-not-there", reason=code)
    return AwsRefused("aws-refused", reason=code)


@contextmanager
def aws_errors(*expected: str) -> Iterator[None]:
    """Errors of the calls inside leave as ours; those that are named in ``expected`` end the block without a word."""
    try:
        yield
    except ClientError as error:
        if code_of(error) not in expected:
            raise translated(error) from None
    except (BotoCoreError, OSError, TimeoutError):
        raise AwsUnavailable("aws-unreachable") from None
