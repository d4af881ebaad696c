"""What the account must allow the provisioner: all that this library does, for one deployment, and no more."""

from typing import Any

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
_ROLES = (
    *("iam:CreateRole", "iam:GetRole", "iam:TagRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy"),
    *("iam:ListRolePolicies", "iam:DeleteRolePolicy", "iam:DeleteRole", "sts:AssumeRole"),
)
_PROFILES = ("iam:GetInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:DeleteInstanceProfile")


def needed(deployment: str, zone: str) -> dict[str, Any]:
    """An IAM policy for whoever runs the provisioner of the deployment; ``zone`` is the id of its hosted zone."""
    named = f"s4-{deployment}-*"
    ours = {"StringEquals": {"aws:ResourceTag/s4:deployment": deployment}}
    made_ours = {"StringEquals": {"aws:RequestTag/s4:deployment": deployment}}
    born = {"StringEquals": {"ec2:CreateAction": ["RunInstances", "CreateSecurityGroup"]}}
    return {
        "Version": _VERSION,
        "Statement": [
            _allow("Looking", _LOOKING, "*"),
            _allow("Starting", ("ec2:RunInstances", "ec2:CreateSecurityGroup"), "*"),
            _allow("Tagging", ("ec2:CreateTags",), "*") | {"Condition": born},
            _allow("Retagging", ("ec2:CreateTags",), "arn:aws:ec2:*:*:instance/*") | {"Condition": made_ours},
            _allow("Ending", _MACHINES, "*") | {"Condition": ours},
            _allow("Buckets", _BUCKETS, f"arn:aws:s3:::{named}"),
            _allow("Objects", _OBJECTS, f"arn:aws:s3:::{named}/*"),
            _allow("Roles", _ROLES, f"arn:aws:iam::*:role/s4/{named}"),
            _allow("OldProfiles", _PROFILES, f"arn:aws:iam::*:instance-profile/s4/{named}"),
            _allow(
                "Names",
                ("route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"),
                f"arn:aws:route53:::hostedzone/{zone}",
            ),
            _allow("Spreading", ("route53:GetChange",), "arn:aws:route53:::change/*"),
        ],
    }


def _allow(name: str, actions: tuple[str, ...], resource: str) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": resource}
