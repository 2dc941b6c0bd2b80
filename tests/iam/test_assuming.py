"""Sessions of roles and of federated users: what is passed with them limits them, and goes on along a chain."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from iam.refusals import refused
from persons import Person, Statement, allow, deny, document, refusal
from pilvi.services.iam.proofs import totp

Make = Callable[..., Any]


def keys_of(answer: Any) -> dict[str, str]:
    told = answer["Credentials"]
    return {
        "aws_access_key_id": told["AccessKeyId"],
        "aws_secret_access_key": told["SecretAccessKey"],
        "aws_session_token": told["SessionToken"],
    }


class Roles:
    """Makes roles of the test's account that its principals may assume, with tags and all unless told otherwise."""

    def __init__(self, make: Make, account: str) -> None:
        self._iam = make("iam")
        self._account = account

    def make(
        self,
        name: str,
        *statements: Statement,
        trusts: Any = None,
        actions: Any = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"),
        **trust: Any,
    ) -> str:
        who = {"AWS": self._account} if trusts is None else trusts
        statement = {"Effect": "Allow", "Principal": who, "Action": list(actions), **trust}
        made = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(statement))
        if statements:
            self._iam.put_role_policy(
                RoleName=name, PolicyName="own", PolicyDocument=document(*statements)
            )
        return made["Role"]["Arn"]


@pytest.fixture
def roles(client: Make, account: str) -> Roles:
    return Roles(client, account)


@pytest.fixture
def assume(client: Make) -> Callable[..., Any]:
    """assume(arn=role_arn, **members): the answer; as the account's root unless `by` says otherwise."""

    def call(arn: str, *, by: Any = None, **members: Any) -> Any:
        sts = by or client("sts")
        return sts.assume_role(RoleArn=arn, RoleSessionName="me", **members)

    return call


def test_a_session_policy_limits_and_never_grants(
    client: Make, roles: Roles, assume: Callable[..., Any]
) -> None:
    arn = roles.make("worker", allow(["s3:ListAllMyBuckets", "dynamodb:ListTables"]))
    policy = document(allow(["s3:ListAllMyBuckets", "iam:ListUsers"]))
    answer = assume(arn, Policy=policy)
    assert 0 < answer["PackedPolicySize"] <= 100
    session = keys_of(answer)
    client("s3", **session).list_buckets()
    code, text = refusal(client("dynamodb", **session).list_tables)
    assert code == "AccessDeniedException"
    assert text.endswith("because no session policy allows the dynamodb:ListTables action")
    code, text = refusal(client("iam", **session).list_users)
    assert text.endswith("because no identity-based policy allows the iam:ListUsers action")
    denying = keys_of(assume(arn, Policy=document(allow("*"), deny("s3:*"))))
    code, text = refusal(client("s3", **denying).list_buckets)
    assert text.endswith("with an explicit deny in a session policy")


def test_managed_session_policies_limit_even_when_they_are_deleted(
    client: Make, roles: Roles, assume: Callable[..., Any]
) -> None:
    iam = client("iam")
    arn = roles.make("worker", allow("*"))
    policy = iam.create_policy(PolicyName="buckets", PolicyDocument=document(allow("s3:*")))
    policy_arn = policy["Policy"]["Arn"]
    session = keys_of(assume(arn, PolicyArns=[{"arn": policy_arn}]))
    client("s3", **session).list_buckets()
    assert refusal(client("iam", **session).list_users)[0] == "AccessDenied"
    iam.delete_policy(PolicyArn=policy_arn)
    assert refusal(client("s3", **session).list_buckets)[0] == "AccessDenied"
    with refused("ValidationError", status=400):
        assume(arn, PolicyArns=[{"arn": policy_arn}])


def test_session_policies_that_cannot_be(roles: Roles, assume: Callable[..., Any]) -> None:
    arn = roles.make("worker")
    with refused("MalformedPolicyDocument", status=400):
        assume(arn, Policy="{}")
    with refused("MalformedPolicyDocument", status=400):
        assume(arn, Policy=document({**allow("s3:*"), "Principal": "*"}))
    with refused("PackedPolicyTooLarge", status=400):
        assume(arn, Policy=document(allow("s3:*")) + " " * 2048)
    digests = [hashlib.sha512(str(n).encode()).hexdigest() for n in range(50)]
    tags = [{"Key": digest[:100], "Value": digest * 2} for digest in digests]
    assert assume(arn, Tags=tags[:2])["PackedPolicySize"] > 0
    with refused("PackedPolicyTooLarge", status=400):
        assume(arn, Tags=tags)


def test_session_tags_are_the_principals_and_win_over_the_roles(
    client: Make, roles: Roles, assume: Callable[..., Any]
) -> None:
    only_red = {"StringEquals": {"aws:PrincipalTag/colour": "red"}}
    arn = roles.make("worker", allow("s3:ListAllMyBuckets", Condition=only_red))
    client("iam").tag_role(RoleName="worker", Tags=[{"Key": "Colour", "Value": "blue"}])
    assert refusal(client("s3", **keys_of(assume(arn))).list_buckets)[0] == "AccessDenied"
    tagged = assume(arn, Tags=[{"Key": "colour", "Value": "red"}])
    client("s3", **keys_of(tagged)).list_buckets()


def test_tags_need_permission_and_trust_policies_may_look_at_them(
    roles: Roles, assume: Callable[..., Any]
) -> None:
    plain = roles.make("plain", actions=["sts:AssumeRole"])
    assume(plain)
    tags = [{"Key": "team", "Value": "a"}]
    code, text = refusal(assume, arn=plain, Tags=tags)
    assert code == "AccessDenied"
    assert "is not authorized to perform: sts:TagSession on resource: " in text
    choosy = roles.make(
        "choosy",
        Condition={
            "StringEquals": {"aws:RequestTag/team": "a"},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]},
        },
    )
    assume(choosy, Tags=tags)
    assert refusal(assume, arn=choosy)[0] == "AccessDenied"
    assert refusal(assume, arn=choosy, Tags=[*tags, {"Key": "x", "Value": ""}])[0] == "AccessDenied"


def test_tags_are_handed_on_along_a_chain(
    client: Make, roles: Roles, assume: Callable[..., Any]
) -> None:
    only_a = {"StringEquals": {"aws:PrincipalTag/team": "a"}}
    first = roles.make("first", allow("sts:*"))
    second = roles.make("second", allow("s3:ListAllMyBuckets", Condition=only_a))
    shy = roles.make("shy", actions=["sts:AssumeRole"])
    tags = [{"Key": "Team", "Value": "a"}, {"Key": "x", "Value": "y"}]
    with refused(
        "InvalidParameterValue",
        "The specified transitive tag key must be included in the requested tags.",
    ):
        assume(first, Tags=tags, TransitiveTagKeys=["none"])
    with refused(
        "InvalidParameterValue",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    ):
        assume(first, Tags=[*tags, {"Key": "TEAM", "Value": "b"}])
    sts = client("sts", **keys_of(assume(first, Tags=tags, TransitiveTagKeys=["Team"])))
    client("s3", **keys_of(assume(second, by=sts))).list_buckets()
    plain = client("sts", **keys_of(assume(first, Tags=tags)))
    refusal(client("s3", **keys_of(assume(second, by=plain))).list_buckets)
    for key in ("Team", "TEAM"):
        with refused(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a"
            " transitive tag key from the calling session.",
        ):
            assume(second, by=sts, Tags=[{"Key": key, "Value": "b"}])
    assert refusal(assume, arn=shy, by=sts)[0] == "AccessDenied"


def test_a_source_identity_stays(client: Make, roles: Roles, assume: Callable[..., Any]) -> None:
    known = {"StringLike": {"sts:SourceIdentity": "a*"}}
    first = roles.make("first", allow("sts:*"), Condition=known)
    named = {"StringEquals": {"aws:SourceIdentity": "ann"}}
    second = roles.make("second", allow("s3:ListAllMyBuckets", Condition=named))
    assert refusal(assume, arn=first)[0] == "AccessDenied"
    assert refusal(assume, arn=first, SourceIdentity="bob")[0] == "AccessDenied"
    answer = assume(first, SourceIdentity="ann")
    assert answer["SourceIdentity"] == "ann"
    sts = client("sts", **keys_of(answer))
    chained = assume(second, by=sts)
    assert chained["SourceIdentity"] == "ann"
    client("s3", **keys_of(chained)).list_buckets()
    assert refusal(assume, arn=second, by=sts, SourceIdentity="amy")[0] == "AccessDenied"


def test_the_external_id_keeps_deputies_from_being_confused(
    roles: Roles, assume: Callable[..., Any]
) -> None:
    arn = roles.make("partner", Condition={"StringEquals": {"sts:ExternalId": "42"}})
    assume(arn, ExternalId="42")
    assert refusal(assume, arn=arn)[0] == "AccessDenied"
    assert refusal(assume, arn=arn, ExternalId="43")[0] == "AccessDenied"


# AWS: IAM User Guide, "Revoke IAM role temporary security credentials".
def test_sessions_are_revoked_by_the_time_they_were_issued(
    client: Make, roles: Roles, assume: Callable[..., Any], clock: Any
) -> None:
    arn = roles.make("worker", allow("*"))
    old = keys_of(assume(arn))
    clock.freeze()
    clock.advance(seconds=5)
    now = datetime.fromtimestamp(clock.now_ms() // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    client("iam").put_role_policy(
        RoleName="worker",
        PolicyName="AWSRevokeOlderSessions",
        PolicyDocument=document(deny("*", Condition={"DateLessThan": {"aws:TokenIssueTime": now}})),
    )
    assert refusal(client("s3", **old).list_buckets)[0] == "AccessDenied"
    client("s3", **keys_of(assume(arn))).list_buckets()


def test_federated_users_may_what_both_sides_allow(
    client: Make, account: str, roles: Roles
) -> None:
    ann = Person(client, account)
    me = f"arn:aws:sts::{account}:federated-user/bob"
    code, text = refusal(ann.client("sts").get_federation_token, Name="bob")
    assert code == "AccessDenied"
    assert f"sts:GetFederationToken on resource: {me} " in text
    ann.may(
        allow(["sts:GetFederationToken", "s3:ListAllMyBuckets", "dynamodb:ListTables", "iam:*"])
    )
    policy = document(allow(["s3:ListAllMyBuckets", "lambda:ListFunctions", "iam:*", "sts:*"]))
    answer = ann.client("sts").get_federation_token(Name="bob", Policy=policy)
    user = answer["FederatedUser"]
    assert (user["Arn"], user["FederatedUserId"]) == (me, f"{account}:bob")
    bob = keys_of(answer)
    identity = client("sts", **bob).get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (me, f"{account}:bob")
    client("s3", **bob).list_buckets()
    assert refusal(client("dynamodb", **bob).list_tables)[0] == "AccessDeniedException"
    assert refusal(client("lambda", **bob).list_functions)[0] == "AccessDeniedException"
    with refused("InvalidClientTokenId", status=403):
        client("iam", **bob).list_users()
    arn = roles.make("worker")
    with refused("AccessDenied", "Cannot call AssumeRole with session credentials", 403):
        client("sts", **bob).assume_role(RoleArn=arn, RoleSessionName="me")
    bare = keys_of(ann.client("sts").get_federation_token(Name="bob"))
    assert refusal(client("s3", **bare).list_buckets)[0] == "AccessDenied"
    with refused("AccessDenied", "Cannot call GetFederationToken with session credentials", 403):
        client("sts", **bare).get_federation_token(Name="eve")
    assert client("sts").get_federation_token(Name="xy")["PackedPolicySize"] == 0


# AWS: IAM User Guide, "Compare AWS STS credentials".
def test_session_tokens_open_iam_only_with_a_second_factor(client: Make, account: str) -> None:
    ann = Person(client, account)
    ann.may(allow("*"))
    session = keys_of(ann.client("sts").get_session_token())
    client("s3", **session).list_buckets()
    with refused("InvalidClientTokenId", status=403):
        client("iam", **session).list_users()
    with refused("AccessDenied", "Cannot call GetFederationToken with session credentials", 403):
        client("sts", **session).get_federation_token(Name="xy")


def test_sessions_of_a_role_that_was_made_anew_are_nobodys(
    client: Make, roles: Roles, assume: Callable[..., Any]
) -> None:
    arn = roles.make("worker", allow("*"))
    old = keys_of(assume(arn, Tags=[{"Key": "a", "Value": "b"}]))
    iam = client("iam")
    iam.delete_role_policy(RoleName="worker", PolicyName="own")
    iam.delete_role(RoleName="worker")
    assert refusal(client("s3", **old).list_buckets)[0] == "AccessDenied"
    roles.make("worker", allow("*"))
    assert refusal(client("s3", **old).list_buckets)[0] == "AccessDenied"


def test_no_secret_of_a_credential_is_in_the_store_in_clear(own_server: Callable[..., Any]) -> None:
    server = own_server()
    iam = server.client("iam", "1" * 12)
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    told = server.client("sts", "1" * 12).get_session_token()["Credentials"]
    assert server.stop() == 0
    stored = b"".join(p.read_bytes() for p in server.data.rglob("*") if p.is_file())
    assert key["AccessKeyId"].encode() in stored
    for secret in (key["SecretAccessKey"], told["SecretAccessKey"], told["SessionToken"]):
        assert secret.encode() not in stored
    server.start()
    keys = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    assert server.client("sts", "", **keys).get_caller_identity()["Arn"].endswith(":user/ann")


class Factor:
    """A virtual MFA device of a user, and the codes that it shows."""

    def __init__(self, iam: Any, user: str, clock: Any) -> None:
        clock.freeze()
        self._clock = clock
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=user)["VirtualMFADevice"]
        self.serial = made["SerialNumber"]
        self._seed = base64.b32decode(made["Base32StringSeed"])
        first, second = self.code(), self.code()
        iam.enable_mfa_device(
            UserName=user,
            SerialNumber=self.serial,
            AuthenticationCode1=first,
            AuthenticationCode2=second,
        )

    def code(self) -> str:
        """The next one: a code is shown for half a minute, and accepted once."""
        self._clock.advance(seconds=30)
        return totp.code_of(self._seed, totp.step_at(self._clock.now_ms()))


def test_a_second_factor_opens_what_asks_for_it(
    client: Make, account: str, roles: Roles, clock: Any
) -> None:
    ann = Person(client, account)
    factor = Factor(client("iam"), "ann", clock)
    shown = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    recent = {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}
    ann.may(
        allow("sts:*"),
        allow("s3:ListAllMyBuckets", Condition=shown),
        allow("dynamodb:ListTables", Condition=recent),
        allow("iam:ListUsers"),
    )
    arn = roles.make("guarded", Condition=shown)
    mine = ann.client("sts")
    assume = {"RoleArn": arn, "RoleSessionName": "me", "SerialNumber": factor.serial}
    assert refusal(ann.client("s3").list_buckets)[0] == "AccessDenied"
    assert refusal(mine.assume_role, RoleArn=arn, RoleSessionName="me")[0] == "AccessDenied"
    assert refusal(mine.assume_role, **assume)[0] == "ValidationError"
    assert refusal(mine.assume_role, **assume, TokenCode="000000")[0] == "AccessDenied"
    code = factor.code()
    session = keys_of(mine.assume_role(**assume, TokenCode=code))
    assert client("sts", **session).get_caller_identity()["Arn"].endswith("/guarded/me")
    assert refusal(mine.assume_role, **assume, TokenCode=code)[0] == "AccessDenied"
    again = {"SerialNumber": factor.serial, "TokenCode": code}
    assert refusal(mine.get_session_token, **again)[0] == "AccessDenied"
    token = keys_of(mine.get_session_token(SerialNumber=factor.serial, TokenCode=factor.code()))
    client("s3", **token).list_buckets()
    client("iam", **token).list_users()
    client("sts", **token).assume_role(RoleArn=arn, RoleSessionName="me")
    client("dynamodb", **token).list_tables()
    clock.advance(seconds=3600)
    assert refusal(client("dynamodb", **token).list_tables)[0] == "AccessDeniedException"
