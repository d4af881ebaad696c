"""What the account must allow the provisioner: all that this library does, for one deployment, and no more."""

from typing import Any

from s4_aws.policies import node_policy

_VERSION = "2012-10-17"
_LOOKING = (
    *("ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeInstanceStatus", "ec2:DescribeInstanceTypes"),
    *("ec2:DescribeSecurityGroups", "s3:ListAllMyBuckets", "iam:ListRoles", "iam:ListInstanceProfiles"),
    *("route53:ListHostedZonesByName", "servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota"),
    *("tag:GetResources", "sts:GetCallerIdentity"),
)
_MACHINES = ("ec2:TerminateInstances", "ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress")
_BUCKETS = (
    *("s3:CreateBucket", "s3:DeleteBucket", "s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"),
    *("s3:GetBucketVersioning", "s3:GetBucketTagging", "s3:PutBucketTagging"),
    *("s3:PutBucketPublicAccessBlock", "s3:PutBucketOwnershipControls", "s3:PutEncryptionConfiguration"),
    *("s3:PutLifecycleConfiguration", "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"),
)
_OBJECTS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload")
_MAKING = ("iam:CreateRole", "iam:PutRolePolicy")
_GRIDS = ("iam:GetRole", "iam:TagRole", "iam:UpdateAssumeRolePolicy", "sts:AssumeRole")
_OLD_ROLES = ("iam:GetRole", "iam:ListRolePolicies", "iam:DeleteRolePolicy", "iam:DeleteRole")
_STAYS = ("iam:DeleteRole", "iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary")
_PROFILES = ("iam:GetInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:DeleteInstanceProfile")


def needed(deployment: str, zone: str, account: str) -> dict[str, Any]:
    """An IAM policy for whoever runs the provisioner of the deployment; ``zone`` is the id of its hosted zone.

    Who may write into a role and take it has whatever can be written. So there is one such role, and only with the
    boundary of ``boundary``: it is made by whoever gives this policy, and cannot be replaced by one without.
    """
    named, iam = f"s4-{deployment}-*", f"arn:aws:iam::{account}"
    grids, limit = f"{iam}:role/s4/s4-{deployment}-grids", f"{iam}:policy/s4-{deployment}-grids-boundary"
    mine = {"aws:ResourceTag/s4:deployment": deployment}
    retagging = {
        "StringEquals": {"aws:RequestTag/s4:deployment": deployment},
        "StringEqualsIfExists": mine,
    }
    born = {"StringEquals": {"ec2:CreateAction": ["RunInstances", "CreateSecurityGroup"]}}
    names = ("route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets")
    return {
        "Version": _VERSION,
        "Statement": [
            _allow("Looking", _LOOKING, "*"),
            _allow("Starting", ("ec2:RunInstances", "ec2:CreateSecurityGroup"), "*"),
            _deny("NoRolesForMachines", ("iam:PassRole",), "*"),
            _allow("Tagging", ("ec2:CreateTags",), "*") | {"Condition": born},
            _allow("Retagging", ("ec2:CreateTags",), f"arn:aws:ec2:*:{account}:instance/*") | {"Condition": retagging},
            _allow("Ending", _MACHINES, "*") | {"Condition": {"StringEquals": mine}},
            _allow("Buckets", _BUCKETS, f"arn:aws:s3:::{named}"),
            _allow("Objects", _OBJECTS, f"arn:aws:s3:::{named}/*"),
            _allow("MakingTheGridsRole", _MAKING, grids)
            | {"Condition": {"StringEquals": {"iam:PermissionsBoundary": limit}}},
            _allow("GridsRole", _GRIDS, grids),
            _allow("OldRoles", _OLD_ROLES, f"{iam}:role/s4/{named}"),
            _deny("GridsRoleStays", _STAYS, grids),
            _allow("OldProfiles", _PROFILES, f"{iam}:instance-profile/s4/{named}"),
            _allow("Names", names, f"arn:aws:route53:::hostedzone/{zone}"),
            _allow("Spreading", ("route53:GetChange",), "arn:aws:route53:::change/*"),
        ],
    }


def boundary(deployment: str) -> dict[str, Any]:
    """The most that the role of storage nodes may ever do: use the deployment's own buckets."""
    return node_policy(f"s4-{deployment}-*")


def _allow(name: str, actions: tuple[str, ...], resource: str) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": resource}


def _deny(name: str, actions: tuple[str, ...], resource: str) -> dict[str, Any]:
    return _allow(name, actions, resource) | {"Effect": "Deny"}
