"""AWS's errors in our words. AWS's own text goes no further than here: it may quote a request."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import MappingProxyType

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from s4_runtime import Permanent, Temporary

_CAPACITY_WAIT = timedelta(minutes=2)
_BUSY_WAIT = timedelta(seconds=5)


class AwsUnavailable(Temporary):
    """AWS could not be reached, answered with a server error, or asks us to slow down."""


class OutOfTime(AwsUnavailable):
    """The time that the caller gave was not enough. AWS may have done what it was asked for, or not."""


class NoCapacity(Temporary):
    """The region has no machine of this type now (EC2 error InsufficientInstanceCapacity and its like)."""


class QuotaReached(Permanent):
    """The account may not have more of this; somebody has to ask AWS, or to clear up."""


class AwsRefused(Permanent):
    """AWS does not accept the request, or us. The code is AWS's, which is a name from its documentation."""


class NotThere(Permanent):
    """Something that the request names does not exist."""


class NoSuchImage(NotThere):
    """The region has no such machine image that we may use."""


class NoSuchType(Permanent):
    """EC2 has no machines of this type, here or anywhere."""


class NotInZone(Permanent):
    """The zone does not exist, or has no machines of this type; another zone may have."""


class WrongRegion(Permanent):
    """What is named is in another region, or the account does not use this one."""


class NameTaken(Permanent):
    """Somebody else, or something else of ours, has this name."""


# EC2, S3, IAM, STS, Route 53, Service Quotas and tagging, "Common errors" and each service's list; "5xx" is added by
# status below.
THROTTLING = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "SlowDown"),
        *("TooManyRequestsException", "RequestThrottled", "RequestThrottledException", "EC2ThrottledException"),
        *(
            "PriorRequestNotComplete",
            "BandwidthLimitExceeded",
            "TooManyRequests",
            "503",
        ),  # the last is all that a HEAD of S3 says
    }
)
_BUSY = THROTTLING | frozenset(
    {
        *("OperationAborted", "ConcurrentModification", "RequestTimeout", "Unavailable", "ServiceUnavailable"),
        # IAM: what was taken off a role a moment ago may still seem to be on it.
        *("DeleteConflict", "EntityTemporarilyUnmodifiable", "ServiceException", "InternalServiceException"),
        *("InternalError", "InternalFailure", "ExpiredToken", "ExpiredTokenException", "RequestExpired"),
        *("PaginationTokenExpiredException", "RequestTimeTooSkewed"),
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
        *("RulesPerSecurityGroupLimitExceeded", "MaxIOPSLimitExceeded", "QuotaExceededException"),
    }
)
_IMAGE = frozenset({"InvalidAMIID.NotFound", "InvalidAMIID.Malformed", "InvalidAMIID.Unavailable"})
_REGION = frozenset(
    {
        *("PermanentRedirect", "301", "IllegalLocationConstraintException", "AuthorizationHeaderMalformed"),
        *("OptInRequired", "RegionDisabledException", "InvalidLocationConstraint"),
    }
)
_PARAMETERS = frozenset({"InvalidParameterValue", "Unsupported", "UnsupportedOperation"})
_TAKEN = frozenset({"BucketAlreadyExists", "EntityAlreadyExists", "InvalidGroup.Duplicate", "HostedZoneAlreadyExists"})
KINDS = MappingProxyType(
    {"busy": _BUSY, "capacity": _CAPACITY, "quota": _QUOTA, "image": _IMAGE, "region": _REGION, "taken": _TAKEN}
)
_ABSENT = (".NotFound", "NoSuchEntity", "NoSuchBucket", "NoSuchHostedZone", "NoSuchChange", "NoSuchResourceException")


def code_of(error: ClientError) -> str:
    """AWS's name of the error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def as_seconds(seconds: float) -> timedelta:
    """A time to wait, never none."""
    return timedelta(seconds=max(0.1, seconds))


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
    told = str(error.response.get("Error", {}).get("Message", "")).lower()
    for kind, name, is_meant in (
        (NoSuchImage, "aws-no-such-image", code in _IMAGE),
        (WrongRegion, "aws-wrong-region", code in _REGION),
        (NameTaken, "aws-name-taken", code in _TAKEN),
        # EC2 has one code for many wrong parameters; which one it was stands in the text alone (EC2, "Error codes").
        (NotInZone, "aws-not-in-zone", code in _PARAMETERS and "zone" in told),
        (NoSuchType, "aws-no-such-type", code in _PARAMETERS and "instancetype" in told.replace(" ", "")),
        (NoSuchType, "aws-no-such-type", code == "InvalidInstanceType"),
    ):
        if is_meant:
            return kind(name, reason=code)
    if code.endswith(_ABSENT):
        return NotThere("aws-not-there", reason=code)
    return AwsRefused("aws-refused", reason=code)


class Ended:
    """How a block of calls ended: by itself, or by an error that was expected, whose ``code`` this is."""

    code: str | None = None


@contextmanager
def aws_errors(*expected: str) -> Iterator[Ended]:
    """Errors of the calls inside leave as ours; those that are named in ``expected`` end the block without a word."""
    ended = Ended()
    try:
        yield ended
    except ClientError as error:
        ended.code = code_of(error)
        if ended.code not in expected:
            raise translated(error) from None
    except ParamValidationError:  # the SDK knows without asking; its text quotes the request
        raise AwsRefused("aws-refused", reason="ParamValidation") from None
    except (BotoCoreError, ResponseParserError, OSError, TimeoutError):
        raise AwsUnavailable("aws-unreachable") from None
