"""Policies as people write them, after the examples of AWS's guides: who gets what."""

from __future__ import annotations

import pytest
from tests.languages.policy.asking import HERE, THERE, Json, allow, ask, deny

CARLOS = f"arn:aws:iam::{HERE}:user/ann"
S3 = "arn:aws:s3:::"

# IAM User Guide, "Example identity-based and resource-based policy evaluation"
OWN = [
    allow(["s3:ListAllMyBuckets", "s3:GetBucketLocation"], S3 + "*", Sid="List"),
    allow("s3:*", [S3 + "carlos", S3 + "carlos/*"], Sid="Self"),
    deny("s3:*", S3 + "*log*", Sid="Logs"),
]
BUCKET = [
    {
        "Effect": "Allow",
        "Principal": {"AWS": CARLOS},
        "Action": "s3:*",
        "Resource": [S3 + "carlos", S3 + "carlos/*"],
    }
]


@pytest.mark.parametrize(("action", "arn", "identity", "policy", "allowed"), [
    ("s3:PutObject", S3 + "carlos-logs/x", OWN, BUCKET, False),
    ("s3:PutObject", S3 + "carlos/x", OWN, BUCKET, True),
    ("s3:PutObject", S3 + "carlos/x", OWN, None, True),
    ("s3:PutObject", S3 + "carlos/x", None, BUCKET, True),
    ("s3:PutObject", S3 + "carlos/x", None, None, False),
    ("s3:PutObject", S3 + "carlos/log", OWN, BUCKET, False),
    ("s3:PutObject", S3 + "other/x", OWN, BUCKET, False),
    ("s3:GetBucketLocation", S3 + "other", OWN, None, True),
])  # fmt: skip
def test_carlos(action: str, arn: str, identity: Json, policy: Json, allowed: bool) -> None:
    assert ask("user", action, arn, identity=identity, resource=policy).allowed is allowed


USERS = f"arn:aws:iam::{HERE}:user/"
TABLE = f"arn:aws:dynamodb:us-west-2:{HERE}:table/GameScores"
MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
SECURE = {"Bool": {"aws:SecureTransport": "false"}}
PROJECT = {"StringEquals": {"aws:ResourceTag/project": "${aws:PrincipalTag/project}"}}
REGION = {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}}
TAGGED = {
    "StringEquals": {"aws:RequestTag/env": ["preprod", "production"]},
    "ForAllValues:StringEquals": {"aws:TagKeys": ["env", "CostCenter"]},
}
LEADING = {
    "ForAllValues:StringEquals": {
        "dynamodb:LeadingKeys": ["${www.amazon.com:user_id}"],
        "dynamodb:Attributes": ["UserId", "GameTitle", "Wins"],
    },
    "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
}
NEXT_DOOR = {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]},
             "Bool": {"aws:ViaAWSService": "false"}}  # fmt: skip
HOURS = {"DateGreaterThan": {"aws:CurrentTime": "2020-04-01T00:00:00Z"},
         "DateLessThan": {"aws:CurrentTime": "2020-06-30T23:59:59Z"}}  # fmt: skip

HOME = {"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/*"]}}
PASSED = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
SMALL = {"ec2:InstanceType": ["t1.*", "t2.*"]}
ROLES = f"arn:aws:iam::{HERE}:role/"

# By name, with the title of the page of the IAM User Guide (or another guide) that each is after
POLICIES: dict[str, Json] = {
    # "The difference between explicit and implicit denies"
    "interplay": [allow(["iam:Get*", "iam:List*"]), deny("iam:*Report")],
    # "AWS: Allows MFA-authenticated IAM users to manage their own credentials"
    "mfa": [
        allow(),
        {
            "Effect": "Deny",
            "NotAction": ["iam:EnableMFADevice", "sts:GetSessionToken"],
            "Resource": "*",
            "Condition": MFA,
        },
    ],
    # "Amazon S3: Allows IAM users access to their S3 home directory"
    "home": [
        allow("s3:ListBucket", S3 + "b", Condition=HOME),
        allow("s3:*Object", [S3 + "b/home/${aws:username}", S3 + "b/home/${aws:username}/*"]),
    ],
    # "IAM JSON policy elements: Condition operators", "Boolean condition operators"
    "tls": [allow(), deny("s3:*", Condition=SECURE)],
    # "IAM tutorial: Define permissions to access AWS resources based on tags"
    "abac": [allow("secretsmanager:*", Condition=PROJECT)],
    # "AWS: Denies access to AWS based on the requested Region"
    "region": [
        allow(),
        {"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*", "Condition": REGION},
    ],
    # "Controlling access during AWS requests"
    "tags": [allow("ec2:CreateTags", Condition=TAGGED)],
    # "IAM JSON policy elements: Condition operators", "Multivalued string condition operators"
    "preprod": [
        allow(
            "ec2:CreateTags",
            Condition={
                "StringEqualsIgnoreCase": {"aws:RequestTag/environment": ["preprod", "storage"]},
                "ForAnyValue:StringEquals": {"aws:TagKeys": "environment"},
            },
        )
    ],
    # The same page, "Multivalued ARN condition operators"
    "delivery": [
        allow(
            "logs:PutDeliverySource",
            Condition={
                "ForAllValues:ArnLike": {
                    "logs:LogGeneratingResourceArns": [
                        "arn:aws:cloudfront::123456789012:distribution/cost*",
                        "arn:aws:cloudfront::123456789012:distribution/support*",
                    ]
                }
            },
        )
    ],
    # DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access control"
    "leading": [allow(["dynamodb:GetItem", "dynamodb:Query"], TABLE, Condition=LEADING)],
    # "AWS: Denies access to AWS based on the source IP"
    "ip": [allow(), deny(Condition=NEXT_DOOR)],
    # "AWS: Allows access based on date and time"
    "hours": [allow(Condition=HOURS)],
    # "Granting a user permissions to pass a role to an AWS service"
    "pass": [allow("iam:PassRole", ROLES + "app-*", Condition=PASSED)],
    # "...IfExists condition operators"
    "small": [allow("ec2:RunInstances", Condition={"StringLikeIfExists": SMALL})],
    "too small": [allow("ec2:RunInstances", Condition={"StringLike": SMALL})],
    # "Condition operator to check existence of condition keys"
    "long-lived": [allow("ec2:*", Condition={"Null": {"aws:TokenIssueTime": "true"}})],
}
READ = ("s3:GetObject", S3 + "b/k")
SECRET = ("secretsmanager:GetSecretValue", "*")
QUERY = ("dynamodb:Query", TABLE)
RUN = ("ec2:RunInstances", "arn:aws:ec2:us-east-1::image/ami-1")
PASS = ("iam:PassRole", ROLES + "app-api")
TAG = ("ec2:CreateTags", f"arn:aws:ec2:us-east-1:{HERE}:instance/i-1")
DELIVER = ("logs:PutDeliverySource", f"arn:aws:logs:us-east-1:{HERE}:delivery-source:d")
ENV = "aws:RequestTag/environment"
SOURCES = "logs:LogGeneratingResourceArns"
CLOUDFRONT = "arn:aws:cloudfront::123456789012:distribution/"
ANN = {"aws:username": "ann"}
U1 = {"www.amazon.com:user_id": "u1", "dynamodb:LeadingKeys": ["u1"]}

IDENTITY_EXAMPLES: list[tuple[str, tuple[str, str], dict[str, Json], bool]] = [
    ("interplay", ("iam:ListUsers", "*"), {}, True),
    ("interplay", ("iam:CreatePolicy", "*"), {}, False),
    ("interplay", ("iam:GetOrganizationsAccessReport", "*"), {}, False),
    ("mfa", READ, {}, False),
    ("mfa", READ, {"aws:MultiFactorAuthPresent": "true"}, True),
    ("mfa", READ, {"aws:MultiFactorAuthPresent": "false"}, False),
    ("mfa", ("sts:GetSessionToken", "*"), {}, True),
    ("home", ("s3:ListBucket", S3 + "b"), {**ANN, "s3:prefix": "home/ann/x"}, True),
    ("home", ("s3:ListBucket", S3 + "b"), {**ANN, "s3:prefix": ""}, True),
    ("home", ("s3:ListBucket", S3 + "b"), {**ANN, "s3:prefix": "home/bob/x"}, False),
    ("home", ("s3:ListBucket", S3 + "b"), ANN, False),
    ("home", ("s3:PutObject", S3 + "b/home/ann/x"), ANN, True),
    ("home", ("s3:PutObject", S3 + "b/home/bob/x"), ANN, False),
    ("home", ("s3:PutObject", S3 + "b/home/ann/x"), {}, False),
    ("tls", READ, {"aws:SecureTransport": "true"}, True),
    ("tls", READ, {"aws:SecureTransport": "false"}, False),
    ("abac", SECRET, {"aws:ResourceTag/project": "peg", "aws:PrincipalTag/project": "peg"}, True),
    ("abac", SECRET, {"aws:ResourceTag/project": "uni", "aws:PrincipalTag/project": "peg"}, False),
    ("abac", SECRET, {"aws:ResourceTag/project": "uni"}, False),
    ("abac", SECRET, {}, False),
    ("region", READ, {"aws:RequestedRegion": "us-east-1"}, False),
    ("region", READ, {"aws:RequestedRegion": "eu-west-1"}, True),
    ("region", ("iam:ListUsers", "*"), {"aws:RequestedRegion": "us-east-1"}, True),
    ("tags", ("ec2:CreateTags", "*"), {"aws:RequestTag/env": "preprod", "aws:TagKeys": ["env", "CostCenter"]}, True),
    ("tags", ("ec2:CreateTags", "*"), {"aws:RequestTag/env": "preprod", "aws:TagKeys": ["env", "Owner"]}, False),
    ("tags", ("ec2:CreateTags", "*"), {"aws:RequestTag/env": "test", "aws:TagKeys": ["env"]}, False),
    ("preprod", TAG, {"aws:TagKeys": ["environment"], ENV: "preprod"}, True),
    ("preprod", TAG, {"aws:TagKeys": ["environment", "costcenter"], ENV: "PreProd"}, True),
    ("preprod", TAG, {"aws:TagKeys": ["Environment"], "aws:RequestTag/Environment": "preprod"}, False),
    ("preprod", TAG, {"aws:TagKeys": ["costcenter"], ENV: "preprod"}, False),
    ("preprod", TAG, {ENV: "storage"}, False),
    ("preprod", TAG, {"aws:TagKeys": ["environment"]}, False),
    ("preprod", TAG, {}, False),
    ("delivery", DELIVER, {SOURCES: [CLOUDFRONT + "costcenter"]}, True),
    ("delivery", DELIVER, {SOURCES: [CLOUDFRONT + "costcenter", CLOUDFRONT + "support2025"]}, True),
    ("delivery", DELIVER, {SOURCES: [CLOUDFRONT + "costcenter", CLOUDFRONT + "admin"]}, False),
    ("delivery", DELIVER, {SOURCES: ["arn:aws:cloudfront::777788889999:distribution/costcenter"]}, False),
    ("delivery", DELIVER, {}, True),
    ("leading", QUERY, {**U1, "dynamodb:Attributes": ["UserId"], "dynamodb:Select": "SPECIFIC_ATTRIBUTES"}, True),
    ("leading", QUERY, {**U1, "dynamodb:LeadingKeys": ["u1", "u2"]}, False),
    ("leading", QUERY, {**U1, "dynamodb:Attributes": ["Secret"]}, False),
    ("leading", QUERY, {**U1, "dynamodb:Select": "ALL_ATTRIBUTES"}, False),
    ("leading", ("dynamodb:PutItem", TABLE), U1, False),
    ("ip", READ, {"aws:SourceIp": "192.0.2.9", "aws:ViaAWSService": "false"}, True),
    ("ip", READ, {"aws:SourceIp": "198.51.100.1", "aws:ViaAWSService": "false"}, False),
    ("ip", READ, {"aws:SourceIp": "198.51.100.1", "aws:ViaAWSService": "true"}, True),
    ("hours", READ, {"aws:CurrentTime": "2020-05-01T12:00:00Z"}, True),
    ("hours", READ, {"aws:CurrentTime": "2020-07-01T00:00:00Z"}, False),
    ("pass", PASS, {"iam:PassedToService": "lambda.amazonaws.com"}, True),
    ("pass", PASS, {"iam:PassedToService": "ec2.amazonaws.com"}, False),
    ("pass", ("iam:PassRole", ROLES + "admin"), {"iam:PassedToService": "lambda.amazonaws.com"}, False),
    ("small", RUN, {}, True),
    ("small", RUN, {"ec2:InstanceType": "t2.micro"}, True),
    ("small", RUN, {"ec2:InstanceType": "m5.large"}, False),
    ("too small", RUN, {}, False),
    ("long-lived", RUN, {}, True),
    ("long-lived", RUN, {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "what", "context", "allowed"), IDENTITY_EXAMPLES)
def test_identity_examples(
    name: str, what: tuple[str, str], context: dict[str, Json], allowed: bool
) -> None:
    assert ask("session", *what, context, identity=POLICIES[name]).allowed is allowed


def resource(principal: Json, action: Json, condition: Json | None = None, arn: str = "*") -> Json:
    told = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": arn}
    return [{**told, "Condition": condition} if condition else told]


ORG = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
VIA = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com", "kms:CallerAccount": HERE}}
FROM_BUCKET = {"StringEquals": {"aws:SourceAccount": HERE}, "ArnLike": {"aws:SourceArn": S3 + "b"}}
ONLY_ROLE = {"StringNotLike": {"aws:userid": ["AROAEXAMPLEROLEIDXXXX:*"]}}

BUT_ROLE = {**deny("s3:*", Condition=ONLY_ROLE), "Principal": "*"}
BUT_CARLOS = {
    **deny("s3:*", Condition={"ArnNotEquals": {"aws:PrincipalArn": CARLOS}}),
    "Principal": "*",
}
IN_ORG = resource("*", "s3:GetObject", ORG)

RESOURCE_EXAMPLES: list[tuple[str, Json, Json, dict[str, Json], bool]] = [
    # S3 User Guide, "Examples of Amazon S3 bucket policies"
    ("anonymous", None, resource("*", "s3:GetObject", arn=S3 + "b/*"), {}, True),
    ("anonymous", None, resource("*", "s3:PutObject", arn=S3 + "b/*"), {}, False),
    ("their user", [allow()], IN_ORG, {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}, True),
    ("their user", [allow()], IN_ORG, {"aws:PrincipalOrgID": "o-other"}, False),
    ("anonymous", None, IN_ORG, {}, False),
    ("their user", [allow()], resource({"AWS": THERE}, ["s3:PutObject", "s3:GetObject"]), {}, True),
    # AWS Security Blog, "How to restrict Amazon S3 bucket access to a specific IAM role"
    ("session", [allow()], [BUT_ROLE], {"aws:userid": "AROAEXAMPLEROLEIDXXXX:s1"}, True),
    ("user", [allow()], [BUT_ROLE], {"aws:userid": "AIDAEXAMPLEUSERIDXXXX"}, False),
    # IAM User Guide, "AWS JSON policy elements: Principal", "All principals": instead of NotPrincipal
    ("user", [allow()], [BUT_CARLOS], {"aws:PrincipalArn": CARLOS}, True),
    ("user", [allow()], [BUT_CARLOS], {"aws:PrincipalArn": USERS + "bob"}, False),
    # IAM User Guide, "The confused deputy problem"
    ("service", None, resource({"Service": "sns.amazonaws.com"}, "s3:GetObject", FROM_BUCKET),
     {"aws:SourceAccount": HERE, "aws:SourceArn": S3 + "b"}, True),
    ("service", None, resource({"Service": "sns.amazonaws.com"}, "s3:GetObject", FROM_BUCKET),
     {"aws:SourceAccount": THERE, "aws:SourceArn": S3 + "b"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("who", "identity", "policy", "context", "allowed"), RESOURCE_EXAMPLES)
def test_resource_examples(
    who: str, identity: Json, policy: Json, context: dict[str, Json], allowed: bool
) -> None:
    decision = ask(who, *READ, context, HERE, identity=identity, resource=policy)
    assert decision.allowed is allowed


# KMS Developer Guide, "kms:ViaService", "kms:CallerAccount"
@pytest.mark.parametrize(("who", "context", "allowed"), [
    ("user", {"kms:ViaService": "s3.us-east-1.amazonaws.com", "kms:CallerAccount": HERE}, True),
    ("user", {"kms:ViaService": "ebs.us-east-1.amazonaws.com", "kms:CallerAccount": HERE}, False),
    ("user", {"kms:CallerAccount": HERE}, False),
])  # fmt: skip
def test_keys_of_services(who: str, context: dict[str, Json], allowed: bool) -> None:
    policy = resource({"AWS": "*"}, ["kms:Decrypt", "kms:GenerateDataKey*"], VIA)
    decision = ask(who, "kms:Decrypt", "*", context, HERE, "key", resource=policy)
    assert decision.allowed is allowed
