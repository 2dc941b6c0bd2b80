"""IAM and STS as AWS answered when it was recorded, where no test beside their operations says so already."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from iam.refusals import refused
from persons import allow, document

Make = Callable[..., Any]

QUOTED = "arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2Faaeeieije"
STATEMENT = {
    "Effect": "Allow",
    "Action": ["apigatway:PUT"],
    "Resource": [f"arn:aws:apigateway:us-east-1::/tags/{QUOTED}"],
}
POLICY = {"Version": "2012-10-17", "Statement": [STATEMENT]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceArn": QUOTED}},
        }
    ],
}


# Documents travel URL-encoded: what is encoded within them must come back as it was written. The service's name is
# misspelt, and kept, as on AWS.
@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_what_is_encoded_in_a_policy_stays_so(client: Make, kind: str) -> None:
    iam = client("iam")
    named = {f"{kind.title()}Name": "one"}
    trusted = {"AssumeRolePolicyDocument": json.dumps(TRUST)} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**named, **trusted)
    of = {**named, "PolicyName": "p"}
    getattr(iam, f"put_{kind}_policy")(**of, PolicyDocument=json.dumps(POLICY))
    told = getattr(iam, f"get_{kind}_policy")(**of)
    assert told.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert told == {**of, "PolicyDocument": POLICY}
    if kind == "role":
        assert iam.get_role(RoleName="one")["Role"]["AssumeRolePolicyDocument"] == TRUST
        assert [role["AssumeRolePolicyDocument"] for role in iam.list_roles()["Roles"]] == [TRUST]


# Keys of tags are compared without regard to case.
@pytest.mark.parametrize("key", ["SessionTag1", "sessiontag1"])
def test_a_chained_session_cannot_change_a_transitive_tag(
    client: Make, account: str, key: str
) -> None:
    iam = client("iam")
    both = ["sts:AssumeRole", "sts:TagSession"]
    trusted = document({"Effect": "Allow", "Principal": {"AWS": account}, "Action": both})
    roles: list[str] = []
    for name in ("first", "second"):
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)
        roles.append(made["Role"]["Arn"])
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(allow(both)))
    lent = client("sts").assume_role(
        RoleArn=roles[0],
        RoleSessionName="one",
        Tags=[{"Key": "SessionTag1", "Value": "given"}],
        TransitiveTagKeys=["SessionTag1"],
    )["Credentials"]
    chained = client(
        "sts",
        aws_access_key_id=lent["AccessKeyId"],
        aws_secret_access_key=lent["SecretAccessKey"],
        aws_session_token=lent["SessionToken"],
    )
    words = (
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from"
        " the calling session."
    )
    with refused("InvalidParameterValue", words, 400):
        chained.assume_role(
            RoleArn=roles[1], RoleSessionName="two", Tags=[{"Key": key, "Value": "other"}]
        )
