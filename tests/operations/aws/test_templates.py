"""The templates of what is not the cluster: well-formed, narrow, and the same as the code that uses them says."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from s4_aws.permissions import needed
from s4_aws.policies import node_policy
from support.templates import AWS, parameters, resolved, statements, template

NAMES = ("foundation", "roles", "backups", "snapshots", "eks")
SECRETS = (
    *("web", "billing", "provisioner", "notifier", "invites", "support"),
    *("rabbitmq", "topology", "keda", "postgres", "backup", "observability", "registry"),
)
ACCOUNT = "123456789012"
CFN_LINT = Path(sys.executable).parent / "cfn-lint"


def test_cfn_lint_finds_nothing() -> None:
    done = subprocess.run([CFN_LINT, *AWS.glob("*.yaml")], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_every_parameter_has_a_value_and_fits(environment: str) -> None:
    told = parameters(environment)
    for name in NAMES:
        for key, wanted in template(name).get("Parameters", {}).items():
            assert key in told or "Default" in wanted, (name, key)
            if "AllowedPattern" in wanted:
                assert re.fullmatch(wanted["AllowedPattern"], told[key]), (name, key)


def test_staging_and_production_share_nothing() -> None:
    one, other = parameters("production"), parameters("staging")
    same = {key for key in one if one[key] == other[key]}

    assert same <= {
        "GridsZoneId",
        "BackupKeyArn",
        "ClusterVersion",
        "Subnets",
    }  # of these the examples are placeholders
    assert one["WriterAccount"] != other["WriterAccount"]


def test_the_provisioner_may_do_what_its_library_says_that_it_needs_and_nothing_else() -> None:
    told = parameters("production")
    found = statements("roles", "ProvisionerPolicy", told)
    allowed = {action for each in found.values() if each["Effect"] == "Allow" for action in each["Action"]}
    wanted = {each["Sid"]: each for each in needed(told["Deployment"], told["GridsZoneId"], ACCOUNT)["Statement"]}

    assert allowed == {action for each in wanted.values() if each["Effect"] == "Allow" for action in each["Action"]}
    # Here one statement: the stack has made the role, with its boundary, before anybody may write into it.
    making, using = wanted.pop("MakingTheGridsRole"), wanted.pop("GridsRole")
    grids = found.pop("GridsRole")
    assert sorted(grids["Action"]) == sorted([*making["Action"], *using["Action"]])
    assert {grids["Resource"]} == {making["Resource"], using["Resource"]}
    assert found.keys() == wanted.keys()
    for name, each in found.items():
        mine = {key: each.get(key) for key in ("Effect", "Resource", "Condition")}
        assert mine == {key: wanted[name].get(key) for key in mine}, name
        actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
        assert actions == wanted[name]["Action"], name


def test_the_role_of_storage_nodes_cannot_be_made_without_its_boundary() -> None:
    """Whoever has the provisioner's rights could otherwise make a role that may do anything, and take it."""
    found = statements("roles", "ProvisionerPolicy", parameters("production"))
    role = "arn:aws:iam::123456789012:role/s4/s4-production-grids"
    grants = [name for name, each in found.items() if each["Effect"] == "Allow" and "iam:CreateRole" in each["Action"]]

    assert [found[name]["Resource"] for name in grants] == [role]
    assert found["GridsRoleStays"]["Effect"] == "Deny"
    assert "iam:DeleteRole" in found["GridsRoleStays"]["Action"]
    assert found["GridsRoleStays"]["Resource"] == role


def test_the_boundary_is_what_a_storage_node_does_in_the_deployments_buckets() -> None:
    told = parameters("production")
    found = list(statements("roles", "GridsBoundary", told).values())

    def plain(policy: list[dict[str, Any]]) -> list[tuple[list[str], str]]:
        return [(sorted(each["Action"]), each["Resource"]) for each in policy]

    assert plain(found) == plain(node_policy("s4-production-*")["Statement"])
    grids = template("roles")["Resources"]["Grids"]["Properties"]
    assert grids["PermissionsBoundary"] == {"Ref": "GridsBoundary"}


def test_services_that_speak_to_stripe_customers_and_browsers_alone_have_no_role() -> None:
    roles = [name for name, each in template("roles")["Resources"].items() if each["Type"] == "AWS::IAM::Role"]

    assert sorted(roles) == ["BackupWriter", "Grids", "LogWriter", "Provisioner", "SecretsReader"]


def test_a_role_is_for_named_service_accounts_of_one_cluster() -> None:
    told = parameters("production")
    for name, account in {
        "Provisioner": "system:serviceaccount:s4:s4-provisioner",
        "SecretsReader": [
            "system:serviceaccount:s4:s4-secrets",
            "system:serviceaccount:s4-observability:s4-secrets",
            "system:serviceaccount:s4-registry:s4-secrets",
            "system:serviceaccount:s4-logs:s4-secrets",
        ],
        "BackupWriter": "system:serviceaccount:s4:s4-backup",
        "LogWriter": "system:serviceaccount:s4-logs:s4-logs",
    }.items():
        trust = template("roles")["Resources"][name]["Properties"]["AssumeRolePolicyDocument"]["Fn::If"][1]
        (statement,) = json.loads(resolved(trust, told))["Statement"]
        equals = statement["Condition"]["StringEquals"]
        assert equals[f"{told['OidcProvider']}:sub"] == account
        assert f"{told['OidcProvider']}:aud" in equals
        assert statement["Principal"]["Federated"].endswith(told["OidcProvider"])


def test_everything_has_a_place_for_its_secrets_and_no_template_holds_one() -> None:
    told = parameters("production")
    secrets = [each for each in template("foundation")["Resources"].values() if each["Type"].endswith("::Secret")]

    names = {resolved(each["Properties"]["Name"], told) for each in secrets}
    assert names == {f"s4/production/{service}" for service in SECRETS}
    assert all({"SecretString", "GenerateSecretString"}.isdisjoint(each["Properties"]) for each in secrets)


def test_what_holds_something_outlives_its_stack() -> None:
    kept = ("AWS::KMS::Key", "AWS::S3::Bucket", "AWS::Route53::HostedZone", "AWS::SecretsManager::Secret")
    for name in NAMES:
        for title, each in template(name)["Resources"].items():
            if each["Type"] in kept:
                assert each.get("DeletionPolicy") == "Retain", (name, title)


def test_keys_are_rotated_and_buckets_closed() -> None:
    everything = [each for name in NAMES for each in template(name)["Resources"].values()]
    for each in everything:
        if each["Type"] == "AWS::KMS::Key":
            assert each["Properties"]["EnableKeyRotation"] is True
        if each["Type"] == "AWS::S3::Bucket":
            assert set(each["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
            assert each["Properties"]["BucketEncryption"]


def test_backups_cannot_be_deleted_by_anybody_for_some_weeks() -> None:
    bucket = template("backups")["Resources"]["Backups"]["Properties"]

    rule = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert (bucket["ObjectLockEnabled"], rule["Mode"]) == (True, "COMPLIANCE")


def test_no_role_reaches_the_buckets_with_the_clusters_keys() -> None:
    """Kops' state and the backups are outside of the names that the provisioner may use."""
    reached = statements("roles", "ProvisionerPolicy", parameters("production"))["Buckets"]["Resource"]

    assert reached == "arn:aws:s3:::s4-production-*"
    assert not parameters("production")["BackupBucket"].startswith("s4-")


def test_the_writer_of_backups_has_the_rights_that_their_manual_names() -> None:
    told = parameters("production")
    (policy,) = template("roles")["Resources"]["BackupWriter"]["Properties"]["Policies"]
    mine = resolved(policy["PolicyDocument"], told)["Statement"][0]
    (wanted,) = json.loads((AWS / "backup-writer.json").read_text())["Statement"]

    assert mine["Action"] == wanted["Action"]
    assert mine["Resource"] == wanted["Resource"].replace("BUCKET", told["BackupBucket"])


def test_every_command_of_the_manual_names_templates_and_parameters_that_are_there() -> None:
    text = (AWS.parents[1] / "docs" / "operations" / "aws.md").read_text()
    templates = set(re.findall(r"--template-file (\S+)", text))
    files = {
        each.replace("ENVIRONMENT", "production") for each in re.findall(r"--parameter-overrides file://(\S+)", text)
    }

    assert templates == {f"ops/aws/{name}.yaml" for name in NAMES}
    assert all((AWS.parents[1] / each).is_file() for each in files), files


def test_logs_are_kept_for_as_long_as_the_page_promises_and_their_writer_only_adds() -> None:
    told = parameters("production")
    found = template("foundation")
    bucket = found["Resources"]["Logs"]["Properties"]
    rules = {each["Id"]: each for each in bucket["LifecycleConfiguration"]["Rules"]}
    ends = {name: rules[name]["ExpirationInDays"]["Ref"] for name in ("lines", "errors")}
    kept = {name: found["Parameters"][end]["Default"] for name, end in ends.items()}
    assert kept == {"lines": 30, "errors": 400}
    page = (AWS.parents[1] / "docs" / "operations" / "observability.md").read_text()
    assert all(f"{days} days" in page for days in kept.values())
    (policy,) = template("roles")["Resources"]["LogWriter"]["Properties"]["Policies"]
    (may,) = resolved(policy["PolicyDocument"], told)["Statement"]
    named = resolved(bucket["BucketName"], told)
    assert may["Action"] == ["s3:PutObject", "s3:AbortMultipartUpload"]
    assert may["Resource"] == [f"arn:aws:s3:::{named}/{rules[name]['Prefix']}*" for name in ("lines", "errors")]
