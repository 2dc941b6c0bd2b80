"""A policy that names a user or a role means the one that there was when it was saved.

AWS: IAM User Guide, "AWS JSON policy elements: Principal".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hostile.test_identities import package
from persons import Make, Person, allow, document, refusal, trust


class Reborn:
    """A user of another account, who is deleted and made again under the same name."""

    def __init__(self, make: Make, account: str) -> None:
        other = f"8{account[1:]}"
        self._make: Make = lambda service, **keys: make(service, account=other, **keys)
        self._iam = self._make("iam")
        self.person = Person(self._make, other)
        self.person.may(allow("*"))
        self.arn = self.person.arn

    def again(self) -> None:
        name = self.person.name
        self._iam.delete_user_policy(UserName=name, PolicyName="own")
        self._iam.delete_access_key(
            UserName=name, AccessKeyId=self.person.keys["aws_access_key_id"]
        )
        self._iam.delete_user(UserName=name)
        self.person = Person(self._make, "")
        self.person.may(allow("*"))
        assert self.person.arn == self.arn


@pytest.fixture
def ann(client: Make, account: str) -> Reborn:
    return Reborn(client, account)


Save = Callable[[], None]
Try = Callable[[Person], Any]


def _bucket(client: Make, account: str, arn: str) -> tuple[Save, Try]:
    bucket = f"meant-{account}"
    client("s3").create_bucket(Bucket=bucket)
    resource = f"arn:aws:s3:::{bucket}"
    policy = document(
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "s3:*", "Resource": resource}
    )
    return (
        lambda: client("s3").put_bucket_policy(Bucket=bucket, Policy=policy),
        lambda person: person.client("s3").list_objects_v2(Bucket=bucket),
    )


def _key(client: Make, account: str, arn: str) -> tuple[Save, Try]:
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    policy = document(
        {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "kms:*", "Resource": "*"},
    )
    return (
        lambda: kms.put_key_policy(KeyId=key, Policy=policy),
        lambda person: person.client("kms").encrypt(KeyId=key, Plaintext=b"x"),
    )


def _grant(client: Make, account: str, arn: str) -> tuple[Save, Try]:
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    return (
        lambda: kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"]),
        lambda person: person.client("kms").encrypt(KeyId=key, Plaintext=b"x"),
    )


def _role(client: Make, account: str, arn: str) -> tuple[Save, Try]:
    iam = client("iam")
    role = iam.create_role(RoleName="meant", AssumeRolePolicyDocument=trust(AWS=arn))["Role"]["Arn"]
    return (
        lambda: iam.update_assume_role_policy(RoleName="meant", PolicyDocument=trust(AWS=arn)),
        lambda person: person.client("sts").assume_role(RoleArn=role, RoleSessionName="me"),
    )


def _function(client: Make, account: str, arn: str) -> tuple[Save, Try]:
    functions = client("lambda")
    role = client("iam").create_role(
        RoleName="f", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com")
    )
    function = functions.create_function(
        FunctionName="f",
        Runtime="python3.11",
        Handler="app.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": package()},
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName="f")
    sids = iter(("first", "second"))
    return (
        lambda: functions.add_permission(
            FunctionName="f",
            StatementId=next(sids),
            Action="lambda:GetFunctionConfiguration",
            Principal=arn,
        ),
        lambda person: person.client("lambda").get_function_configuration(FunctionName=function),
    )


@pytest.mark.parametrize("place", [_bucket, _key, _grant, _role, _function])
def test_a_name_that_was_given_anew_means_nobody_else(
    client: Make, account: str, ann: Reborn, place: Callable[..., tuple[Save, Try]]
) -> None:
    save, attempt = place(client, account, ann.arn)
    save()
    attempt(ann.person)
    ann.again()
    code, _ = refusal(attempt, person=ann.person)
    assert code in ("AccessDenied", "AccessDeniedException")
    save()  # whoever saves it now means the new one
    attempt(ann.person)


# Differs: AWS refuses such a policy. Here it means whoever will have the name.
def test_who_is_not_there_yet_may_be_named(client: Make, account: str) -> None:
    other = f"8{account[1:]}"
    bucket = f"early-{account}"
    client("s3").create_bucket(Bucket=bucket)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{other}:user/ann"},
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    client("s3").put_bucket_policy(Bucket=bucket, Policy=document(statement))
    ann = Person(lambda service, **keys: client(service, account=other, **keys), other)
    ann.may(allow("*"))
    ann.client("s3").list_objects_v2(Bucket=bucket)
    told = client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    assert json.loads(told)["Statement"] == [statement]
