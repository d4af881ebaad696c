from datetime import timedelta

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from s4_aws.trouble import (
    KINDS,
    AwsRefused,
    AwsUnavailable,
    NameTaken,
    NoCapacity,
    NoSuchImage,
    NoSuchType,
    NotInZone,
    NotThere,
    QuotaReached,
    WrongRegion,
    aws_errors,
    code_of,
    translated,
)
from s4_runtime import Permanent, Temporary

SECRET = "arn:aws:iam::123456789012:role/somebody"


def an_error(code: str, status: int = 400, message: str = f"about {SECRET}") -> ClientError:
    told = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "RunInstances")


@pytest.mark.parametrize("code", sorted(KINDS["busy"]))
def test_being_busy_passes_by_itself(code: str) -> None:
    trouble = translated(an_error(code))

    assert isinstance(trouble, AwsUnavailable)
    assert trouble.code == "aws-busy"
    assert trouble.retry_after


@pytest.mark.parametrize("code", sorted(KINDS["capacity"]))
@pytest.mark.parametrize("status", [400, 500])
def test_missing_capacity_is_waited_for_longer_than_being_busy(code: str, status: int) -> None:
    trouble = translated(an_error(code, status))

    assert isinstance(trouble, NoCapacity)
    assert trouble.retry_after
    assert trouble.retry_after >= timedelta(minutes=1)


@pytest.mark.parametrize("code", sorted(KINDS["quota"]))
def test_a_quota_needs_a_person(code: str) -> None:
    trouble = translated(an_error(code))

    assert isinstance(trouble, QuotaReached)
    assert trouble.ids == {"reason": code}


@pytest.mark.parametrize("code", sorted(KINDS["image"]))
def test_a_machine_image_that_does_not_exist_is_also_something_that_is_not_there(code: str) -> None:
    trouble = translated(an_error(code))

    assert isinstance(trouble, NoSuchImage)
    assert isinstance(trouble, NotThere)


@pytest.mark.parametrize("code", sorted(KINDS["region"]))
def test_the_wrong_region_is_called_so(code: str) -> None:
    assert isinstance(translated(an_error(code)), WrongRegion)


@pytest.mark.parametrize("code", sorted(KINDS["taken"]))
def test_a_name_that_is_taken_is_called_so(code: str) -> None:
    assert isinstance(translated(an_error(code)), NameTaken)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidParameterValue", "Invalid value 'x9.tiny' for InstanceType."),
        ("InvalidInstanceType", "The instance type 'x9.tiny' does not exist"),
        ("Unsupported", "The requested InstanceType is not supported"),
    ],
)
def test_a_type_that_does_not_exist_is_called_so(code: str, message: str) -> None:
    assert isinstance(translated(an_error(code, message=message)), NoSuchType)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "Unsupported",
            "Your requested instance type (m7g.large) is not supported in your requested Availability Zone (eu-1e).",
        ),
        ("InvalidParameterValue", "Invalid availability zone: [eu-nowhere-1a]"),
    ],
)
def test_a_type_that_a_zone_does_not_have_may_be_in_another_zone(code: str, message: str) -> None:
    assert isinstance(translated(an_error(code, message=message)), NotInZone)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_unknown_error_of_the_server_passes(status: int) -> None:
    assert isinstance(translated(an_error("SomethingNew", status)), AwsUnavailable)


@pytest.mark.parametrize("code", ["InvalidAMIID.NotFound", "InvalidGroup.NotFound", "NoSuchEntity", "NoSuchBucket"])
def test_what_is_not_there_says_so(code: str) -> None:
    assert isinstance(translated(an_error(code, 404)), NotThere)


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "AccessDenied", "AuthFailure", "InvalidParameterValue", ""])
def test_anything_else_is_a_refusal_that_no_repetition_mends(code: str) -> None:
    assert isinstance(translated(an_error(code)), AwsRefused)


def test_no_code_means_two_things() -> None:
    kinds = list(KINDS.values())

    assert sum(len(kind) for kind in kinds) == len(frozenset().union(*kinds))


def test_awss_own_words_go_no_further() -> None:
    with pytest.raises(Permanent) as refused, aws_errors():
        raise an_error("AccessDenied")

    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_what_is_expected_ends_the_block_without_a_word() -> None:
    after = False
    with aws_errors("EntityAlreadyExists"):
        raise an_error("EntityAlreadyExists")
    after = True

    assert after


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://x"),
        ReadTimeoutError(endpoint_url="http://x"),
        NoCredentialsError(),
        ConnectionResetError(),
        TimeoutError(),
    ],
)
def test_no_answer_is_temporary(error: Exception) -> None:
    with pytest.raises(Temporary) as away, aws_errors():
        raise error

    assert away.value.code == "aws-unreachable"


def test_what_the_sdk_itself_does_not_send_is_a_refusal_that_quotes_nothing() -> None:
    with pytest.raises(AwsRefused) as refused, aws_errors():
        raise ParamValidationError(report=f"Invalid value {SECRET}")

    assert SECRET not in str(refused.value)


def test_who_expected_several_errors_is_told_which_it_was() -> None:
    with aws_errors("NoSuchBucket", "NoSuchBucketPolicy") as ended:
        raise an_error("NoSuchBucketPolicy")
    with aws_errors("NoSuchBucket") as undisturbed:
        pass

    assert ended.code == "NoSuchBucketPolicy"
    assert undisturbed.code is None


def test_an_error_without_a_code_has_an_empty_one() -> None:
    assert code_of(ClientError({}, "RunInstances")) == ""
