"""Who may do what under several kinds of policies, as tables of decisions."""

from __future__ import annotations

from typing import Any

import pytest
from tests.languages.policy.asking import (
    CANONICAL,
    HERE,
    PROVIDER,
    ROLE,
    THERE,
    Json,
    allow,
    ask,
    deny,
)

from pilvi.languages.policy import Layer, Verdict

YES, NO = [allow()], [deny()]
OTHER = [allow("sqs:Nothing")]
"""A policy that is there and does not allow what is asked."""

USER = f"arn:aws:iam::{HERE}:user/ann"
SESSION = f"arn:aws:sts::{HERE}:assumed-role/worker/s1"
FEDERATED = f"arn:aws:sts::{HERE}:federated-user/bob"
ACCOUNT = f"arn:aws:iam::{HERE}:root"
THEIRS = f"arn:aws:iam::{THERE}:root"
EVE = f"arn:aws:iam::{THERE}:user/eve"
GUEST = f"arn:aws:iam::{THERE}:role/guest"
GUESTS = f"arn:aws:sts::{THERE}:assumed-role/guest/s1"

Row = tuple[str, dict[str, Json], str]


def to(*arns: str, effect: str = "Allow") -> Json:
    principal = "*" if arns == ("*",) else {"AWS": list(arns)}
    return [{"Effect": effect, "Principal": principal, "Action": "*", "Resource": "*"}]


def of(kind: str, one: str, **more: Json) -> Json:
    return [{"Effect": "Allow", "Principal": {kind: one}, "Action": "*", "Resource": "*", **more}]


def check(who: str, given: dict[str, Json], expected: str, **more: Any) -> None:
    """`expected`: "allow", "deny <layer>" for an explicit one, or "no <layer>"."""
    decision = ask(who, **given, **more)
    if expected == "allow":
        assert decision.allowed
        assert decision.layer is None
        return
    verdict, _, layer = expected.partition(" ")
    assert decision.layer is Layer[layer.upper()]
    assert decision.verdict is {"deny": Verdict.EXPLICIT_DENY, "no": Verdict.IMPLICIT_DENY}[verdict]


# IAM User Guide, "How AWS enforcement code logic evaluates requests to allow or deny access"
WITHIN: list[Row] = [
    ("user", {}, "no identity"),
    ("user", {"identity": YES}, "allow"),
    ("user", {"identity": OTHER}, "no identity"),
    ("user", {"identity": NO}, "deny identity"),
    ("user", {"identity": [allow(), deny("s3:GetObject")]}, "deny identity"),
    ("user", {"identity": [allow(), deny("s3:PutObject")]}, "allow"),
    ("session", {}, "no identity"),
    ("session", {"identity": YES}, "allow"),
    ("federated", {"identity": YES}, "no session"),
    ("federated", {"identity": YES, "session": YES}, "allow"),
    ("federated", {"session": YES}, "no identity"),
    # "Permissions boundaries for IAM entities", "Evaluating effective permissions with boundaries"
    ("user", {"identity": YES, "boundary": YES}, "allow"),
    ("user", {"identity": YES, "boundary": OTHER}, "no boundary"),
    ("user", {"identity": YES, "boundary": NO}, "deny boundary"),
    ("user", {"identity": OTHER, "boundary": YES}, "no identity"),
    ("user", {"boundary": YES}, "no identity"),
    ("user", {"boundary": OTHER}, "no identity"),
    ("session", {"identity": YES, "boundary": OTHER}, "no boundary"),
    ("session", {"identity": YES, "boundary": YES}, "allow"),
    # "Policies and permissions in IAM", "Session policies"
    ("session", {"identity": YES, "session": YES}, "allow"),
    ("session", {"identity": YES, "session": OTHER}, "no session"),
    ("session", {"identity": YES, "session": NO}, "deny session"),
    ("session", {"identity": OTHER, "session": YES}, "no identity"),
    ("session", {"identity": YES, "boundary": YES, "session": YES}, "allow"),
    ("session", {"identity": YES, "boundary": OTHER, "session": YES}, "no boundary"),
    ("session", {"identity": YES, "boundary": OTHER, "session": OTHER}, "no boundary"),
    ("session", {"identity": YES, "boundary": YES, "session": OTHER}, "no session"),
    # Organizations User Guide, "SCP evaluation": every level must allow; a Deny anywhere denies
    ("user", {"identity": YES, "scp": [YES]}, "allow"),
    ("user", {"identity": YES, "scp": [YES, YES, YES]}, "allow"),
    ("user", {"identity": YES, "scp": [YES, OTHER, YES]}, "no service_control"),
    ("user", {"identity": YES, "scp": [OTHER]}, "no service_control"),
    ("user", {"identity": YES, "scp": [YES, [allow(), deny("s3:*")]]}, "deny service_control"),
    ("user", {"scp": [YES]}, "no identity"),
    ("user", {"identity": YES, "boundary": YES, "scp": [OTHER]}, "no service_control"),
    ("user", {"resource": to(USER), "scp": [OTHER]}, "no service_control"),
    ("session", {"identity": YES, "scp": [OTHER]}, "no service_control"),
    ("linked", {"identity": YES, "scp": [OTHER]}, "allow"),
    ("linked", {"identity": YES, "scp": [NO]}, "allow"),
    ("root", {"scp": [YES]}, "allow"),
    ("root", {"scp": [OTHER]}, "no service_control"),
    ("root", {"scp": [[allow(), deny("s3:*")]]}, "deny service_control"),
    # Organizations User Guide, "RCP evaluation"
    ("user", {"identity": YES, "rcp": [to("*")]}, "allow"),
    ("user", {"identity": YES, "rcp": [to("*"), to("*") + to("*", effect="Deny")]}, "deny resource_control"),
    ("user", {"resource": to(USER), "rcp": [to("*") + to("*", effect="Deny")]}, "deny resource_control"),
    ("root", {"rcp": [to("*") + to("*", effect="Deny")]}, "deny resource_control"),
    ("linked", {"identity": YES, "rcp": [to("*") + to("*", effect="Deny")]}, "allow"),
    ("service", {"resource": to("*"), "rcp": [to("*") + to("*", effect="Deny")]}, "deny resource_control"),
    ("anonymous", {"resource": to("*"), "rcp": [to("*") + to("*", effect="Deny")]}, "deny resource_control"),
    ("anonymous", {"resource": to("*"), "rcp": [to("*")], "scp": [OTHER]}, "allow"),
    ("service", {"resource": to("*"), "scp": [OTHER]}, "allow"),
    # The root user has everything but what is denied
    ("root", {}, "allow"),
    ("root", {"resource": to(EVE)}, "allow"),
    ("root", {"resource": to("*", effect="Deny")}, "deny resource"),
    ("root", {"resource": to(ACCOUNT, effect="Deny")}, "deny resource"),
    ("root", {"resource": to(USER, effect="Deny")}, "allow"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "given", "expected"), WITHIN)
def test_within_an_account(who: str, given: dict[str, Json], expected: str) -> None:
    check(who, given, expected)


# The same page, "Resource-based policies", the table of implicit denies in other policy types (same account)
LIMITED = {"identity": OTHER, "boundary": OTHER}
INSIDE = {**LIMITED, "session": OTHER}
GRANTS: list[Row] = [
    ("session", {**INSIDE, "resource": to(ROLE)}, "no boundary"),
    ("session", {"identity": OTHER, "session": OTHER, "resource": to(ROLE)}, "no session"),
    ("session", {"identity": OTHER, "boundary": YES, "session": YES, "resource": to(ROLE)}, "allow"),
    ("session", {"identity": OTHER, "boundary": YES, "session": OTHER, "resource": to(ROLE)}, "no session"),
    ("session", {"identity": OTHER, "boundary": OTHER, "session": YES, "resource": to(ROLE)}, "no boundary"),
    ("session", {"resource": to(ROLE)}, "allow"),
    ("session", {**INSIDE, "resource": to(SESSION)}, "allow"),
    ("session", {**INSIDE, "resource": to(SESSION + "x")}, "no identity"),
    ("session", {**INSIDE, "identity": NO, "resource": to(SESSION)}, "deny identity"),
    ("session", {**INSIDE, "boundary": NO, "resource": to(SESSION)}, "deny boundary"),
    ("session", {**INSIDE, "session": NO, "resource": to(SESSION)}, "deny session"),
    ("session", {**INSIDE, "resource": to("AROAEXAMPLEROLEIDXXXX")}, "no boundary"),
    ("session", {"resource": to("AROAEXAMPLEROLEIDXXXX")}, "allow"),
    ("session", {"resource": to("AROANOTHERROLEIDXXXXX")}, "no identity"),
    ("session", {"resource": to(f"arn:aws:iam::{HERE}:role/worker")}, "no identity"),
    ("user", {**LIMITED, "resource": to(USER)}, "allow"),
    ("user", {**LIMITED, "resource": to("AIDAEXAMPLEUSERIDXXXX")}, "allow"),
    ("user", {**LIMITED, "resource": to(USER), "boundary": NO}, "deny boundary"),
    ("user", {**LIMITED, "resource": to(USER + "e")}, "no identity"),
    ("user", {**LIMITED, "resource": to(f"arn:aws:iam::{HERE}:user/Ann")}, "no identity"),
    ("federated", {**INSIDE, "resource": to(USER)}, "no boundary"),
    ("federated", {"identity": OTHER, "resource": to(USER)}, "no session"),
    ("federated", {"identity": OTHER, "session": YES, "resource": to(USER)}, "allow"),
    ("federated", {**INSIDE, "resource": to(FEDERATED)}, "allow"),
    ("federated", {"resource": to(FEDERATED)}, "allow"),
    ("root", {"resource": to(ACCOUNT)}, "allow"),
    ("service", {"resource": of("Service", "sns.amazonaws.com")}, "allow"),
    ("service", {"resource": of("Service", "sns.us-east-1.amazonaws.com")}, "allow"),
    ("service", {"resource": of("Service", "sqs.amazonaws.com")}, "no resource"),
    ("service", {}, "no resource"),
    ("user", {"resource": of("Service", "sns.amazonaws.com")}, "no identity"),
    # "AWS JSON policy elements: Principal", "All principals": no other permission is needed within the account,
    # and what is granted so is limited by no boundary and no session policy
    ("user", {**LIMITED, "resource": to("*")}, "allow"),
    ("session", {**INSIDE, "resource": to("*")}, "allow"),
    ("anonymous", {"resource": to("*")}, "allow"),
    ("anonymous", {"resource": of("AWS", "*")}, "allow"),
    ("service", {"resource": to("*")}, "allow"),
    ("anonymous", {}, "no resource"),
    ("anonymous", {"resource": to(ACCOUNT)}, "no resource"),
    ("anonymous", {"resource": to("*") + to("*", effect="Deny")}, "deny resource"),
    # "AWS account principals": naming the account delegates to it
    ("user", {"resource": to(ACCOUNT)}, "no identity"),
    ("user", {"resource": to(HERE)}, "no identity"),
    ("user", {"resource": to(ACCOUNT), "identity": YES}, "allow"),
    ("user", {"resource": to(ACCOUNT), "identity": YES, "boundary": OTHER}, "no boundary"),
    ("session", {"resource": to(ACCOUNT)}, "no identity"),
    ("user", {"resource": of("CanonicalUser", CANONICAL)}, "no identity"),
    ("user", {"resource": to(THEIRS)}, "no identity"),
    # Several statements: the one that reaches furthest counts, wherever it stands
    ("user", {**LIMITED, "resource": to(ACCOUNT) + to(USER)}, "allow"),
    ("user", {**LIMITED, "resource": to(USER) + to(ACCOUNT)}, "allow"),
    ("session", {**INSIDE, "resource": to(ROLE) + to(SESSION)}, "allow"),
    ("session", {**INSIDE, "resource": to(ACCOUNT) + to(ROLE)}, "no boundary"),
    ("session", {"resource": to(ACCOUNT) + to(ROLE)}, "allow"),
    # A Deny reaches whoever is named in any of these ways
    ("user", {"identity": YES, "resource": to(ACCOUNT, effect="Deny")}, "deny resource"),
    ("user", {"identity": YES, "resource": to(HERE, effect="Deny")}, "deny resource"),
    ("user", {"identity": YES, "resource": to(USER, effect="Deny")}, "deny resource"),
    ("user", {"identity": YES, "resource": to(EVE, effect="Deny")}, "allow"),
    ("session", {"identity": YES, "resource": to(ROLE, effect="Deny")}, "deny resource"),
    ("session", {"identity": YES, "resource": to(SESSION, effect="Deny")}, "deny resource"),
    ("session", {"identity": YES, "resource": to(SESSION + "x", effect="Deny")}, "allow"),
    ("federated", {"identity": YES, "session": YES, "resource": to(USER, effect="Deny")}, "deny resource"),
    # Both sides
    ("user", {"identity": YES, "resource": to(USER)}, "allow"),
    ("user", {"identity": NO, "resource": to(USER)}, "deny identity"),
    ("user", {"identity": NO, "resource": to(USER, effect="Deny")}, "deny identity"),
    # "SAML session principals", "Web identity session principals"
    ("web", {"resource": of("Federated", PROVIDER)}, "allow"),
    ("web", {"resource": of("Federated", "accounts.google.com")}, "no resource"),
    ("web session", {"resource": of("Federated", PROVIDER)}, "allow"),
    ("session", {"resource": of("Federated", PROVIDER)}, "no identity"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "given", "expected"), GRANTS)
def test_resource_policies(who: str, given: dict[str, Json], expected: str) -> None:
    check(who, given, expected)


# IAM User Guide, "Cross-account policy evaluation logic": both sides must allow
ACROSS: list[Row] = [
    ("their user", {}, "no resource"),
    ("their user", {"identity": YES}, "no resource"),
    ("their user", {"resource": to(EVE)}, "no identity"),
    ("their user", {"resource": to(THEIRS)}, "no identity"),
    ("their user", {"resource": to("*")}, "no identity"),
    ("their user", {"identity": YES, "resource": to(EVE)}, "allow"),
    ("their user", {"identity": YES, "resource": to(THEIRS)}, "allow"),
    ("their user", {"identity": YES, "resource": to(THERE)}, "allow"),
    ("their user", {"identity": YES, "resource": to("*")}, "allow"),
    ("their user", {"identity": YES, "resource": to(ACCOUNT)}, "no resource"),
    ("their user", {"identity": YES, "resource": to(GUEST)}, "no resource"),
    ("their user", {"identity": NO, "resource": to(EVE)}, "deny identity"),
    ("their user", {"identity": YES, "resource": to(EVE) + to(EVE, effect="Deny")}, "deny resource"),
    ("their user", {"identity": YES, "boundary": OTHER, "resource": to(EVE)}, "no boundary"),
    ("their user", {"identity": YES, "scp": [OTHER], "resource": to(EVE)}, "no service_control"),
    ("their user", {"identity": YES, "rcp": [to("*"), to("*") + to(THERE, effect="Deny")], "resource": to(EVE)},
     "deny resource_control"),
    ("their session", {"identity": YES, "resource": to(GUEST)}, "allow"),
    ("their session", {"identity": YES, "resource": to(GUESTS)}, "allow"),
    ("their session", {"resource": to(GUESTS)}, "no identity"),
    ("their session", {"identity": YES, "session": OTHER, "resource": to(GUESTS)}, "no session"),
    ("their session", {"identity": YES, "boundary": OTHER, "resource": to(GUESTS)}, "no boundary"),
    ("their root", {}, "no resource"),
    ("their root", {"resource": to(THEIRS)}, "allow"),
    ("their root", {"resource": to("*")}, "allow"),
    ("their root", {"resource": to(THEIRS), "scp": [OTHER]}, "no service_control"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "given", "expected"), ACROSS)
def test_across_accounts(who: str, given: dict[str, Json], expected: str) -> None:
    check(who, given, expected, owner=HERE)


# KMS Developer Guide, "Key policies in AWS KMS", "Default key policy": nobody may without the key policy
KEYS: list[Row] = [
    ("user", {}, "no resource"),
    ("user", {"identity": YES}, "no resource"),
    ("root", {}, "no resource"),
    ("root", {"resource": to(ACCOUNT)}, "allow"),
    ("root", {"resource": to(USER)}, "no resource"),
    ("user", {"resource": to(ACCOUNT)}, "no identity"),
    ("user", {"resource": to(ACCOUNT), "identity": YES}, "allow"),
    ("user", {"resource": to(ACCOUNT), "identity": NO}, "deny identity"),
    ("user", {"resource": to(ACCOUNT), "identity": YES, "boundary": OTHER}, "no boundary"),
    ("user", {"resource": to(USER)}, "allow"),
    ("user", {"resource": to(f"arn:aws:iam::{HERE}:user/bob"), "identity": YES}, "no resource"),
    ("session", {"resource": to(ROLE)}, "allow"),
    ("session", {"resource": to(ROLE), "session": OTHER}, "no session"),
    ("session", {"resource": to(ACCOUNT), "identity": YES, "session": YES}, "allow"),
    ("service", {"resource": to(ACCOUNT)}, "no resource"),
    ("service", {"resource": of("Service", "sns.amazonaws.com")}, "allow"),
    ("their user", {"resource": to(THEIRS), "identity": YES}, "allow"),
    ("their user", {"resource": to(THEIRS)}, "no identity"),
    ("their user", {"resource": to(ACCOUNT), "identity": YES}, "no resource"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "given", "expected"), KEYS)
def test_keys(who: str, given: dict[str, Json], expected: str) -> None:
    check(who, given, expected, owner=HERE, side="key", action="kms:Decrypt")


def trust(kind: str, one: str, effect: str = "Allow", **more: Json) -> Json:
    principal = "*" if kind == "*" else {kind: one}
    return [{"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole*", **more}]


# IAM User Guide, "How IAM roles differ from resource-based policies", "Granting a user permissions to switch roles"
EXTERNAL = {"StringEquals": {"sts:ExternalId": "42"}}
TRUSTS: list[Row] = [
    ("user", {"identity": YES, "resource": trust("Service", "lambda.amazonaws.com")}, "no trust"),
    ("user", {"resource": trust("AWS", USER)}, "allow"),
    ("user", {"resource": trust("AWS", ACCOUNT)}, "no identity"),
    ("user", {"identity": YES, "resource": trust("AWS", ACCOUNT)}, "allow"),
    ("user", {"identity": [allow("s3:*")], "resource": trust("AWS", ACCOUNT)}, "no identity"),
    ("user", {"identity": YES, "resource": trust("AWS", USER, "Deny")}, "deny trust"),
    ("user", {"identity": NO, "resource": trust("AWS", USER)}, "deny identity"),
    ("session", {"resource": trust("AWS", ROLE)}, "allow"),
    ("session", {"resource": trust("AWS", ROLE), "boundary": OTHER}, "no boundary"),
    ("their user", {"identity": YES, "resource": trust("AWS", THEIRS)}, "allow"),
    ("their user", {"identity": YES, "resource": trust("AWS", EVE)}, "allow"),
    ("their user", {"resource": trust("AWS", EVE)}, "no identity"),
    ("their user", {"identity": YES, "resource": trust("AWS", USER)}, "no trust"),
    ("their user", {"identity": YES, "resource": trust("AWS", THEIRS, Condition=EXTERNAL)}, "no trust"),
    ("their user", {"identity": YES, "resource": trust("AWS", THEIRS, Condition=EXTERNAL),
                    "context": {"sts:ExternalId": "42"}}, "allow"),
    ("their user", {"identity": YES, "resource": trust("AWS", THEIRS, Condition=EXTERNAL),
                    "context": {"sts:ExternalId": "43"}}, "no trust"),
    ("service", {"resource": trust("Service", "sns.amazonaws.com")}, "allow"),
    ("service", {"resource": trust("AWS", ACCOUNT)}, "no trust"),
    ("web", {"resource": trust("Federated", PROVIDER)}, "allow"),
    ("web", {"resource": trust("Federated", PROVIDER, Condition={"StringEquals": {"login.example.com:aud": "app"}}),
             "context": {"login.example.com:aud": "app"}}, "allow"),
    ("web", {"resource": trust("Federated", PROVIDER, Condition={"StringEquals": {"login.example.com:aud": "app"}}),
             "context": {"login.example.com:aud": "other"}}, "no trust"),
    ("anonymous", {"resource": trust("AWS", ACCOUNT)}, "no trust"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "given", "expected"), TRUSTS)
def test_trust_policies(who: str, given: dict[str, Json], expected: str) -> None:
    check(who, given, expected, owner=HERE, side="trust", action="sts:AssumeRole", arn=ROLE)


# IAM User Guide, "The confused deputy problem"; Lambda Developer Guide, "Granting function access to AWS services"
TOPIC = f"arn:aws:sns:us-east-1:{HERE}:orders"
DEPUTY = of("Service", "sns.amazonaws.com", Condition={"ArnLike": {"aws:SourceArn": TOPIC},
                                                       "StringEquals": {"aws:SourceAccount": HERE}})  # fmt: skip
QUEUE = of("AWS", "*", Condition={"ArnEquals": {"aws:SourceArn": TOPIC}})


@pytest.mark.parametrize(("who", "policy", "source", "account", "allowed"), [
    ("service", DEPUTY, TOPIC, HERE, True),
    ("service", DEPUTY, TOPIC, THERE, False),
    ("service", DEPUTY, f"arn:aws:sns:us-east-1:{THERE}:orders", THERE, False),
    ("service", DEPUTY, None, None, False),
    ("service", QUEUE, TOPIC, HERE, True),
    ("service", QUEUE, TOPIC + "2", HERE, False),
    ("anonymous", QUEUE, None, None, False),
    ("their user", QUEUE, None, None, False),
    ("anonymous", DEPUTY, TOPIC, HERE, False),
])  # fmt: skip
def test_deputies(
    who: str, policy: Json, source: str | None, account: str | None, allowed: bool
) -> None:
    context = {"aws:SourceArn": source, "aws:SourceAccount": account}
    present = {key: value for key, value in context.items() if value is not None}
    decision = ask(
        who,
        "lambda:InvokeFunction",
        f"arn:aws:lambda:us-east-1:{HERE}:function:f",
        present,
        HERE,
        identity=YES if "user" in who else None,
        resource=policy,
    )
    assert decision.allowed is allowed


# S3 API Reference, "PutBucketPolicy": the root user of the bucket's account is never locked out
@pytest.mark.parametrize(("who", "action", "expected"), [
    ("root", "s3:PutBucketPolicy", "allow"),
    ("root", "s3:GetBucketPolicy", "allow"),
    ("root", "s3:DeleteBucketPolicy", "allow"),
    ("root", "s3:PutObject", "deny resource"),
    ("user", "s3:PutBucketPolicy", "deny resource"),
    ("their root", "s3:PutBucketPolicy", "deny resource"),
])  # fmt: skip
def test_root_keeps_the_bucket_policy(who: str, action: str, expected: str) -> None:
    given = {"identity": YES, "resource": to("*", effect="Deny")}
    check(who, given, expected, action=action, owner=HERE)


# IAM User Guide, "AWS JSON policy elements: NotPrincipal", read so that it fails closed
NOT_PRINCIPALS: list[tuple[str, str, Json, bool]] = [
    ("user", "Deny", {"AWS": [USER, ACCOUNT]}, False),
    ("user", "Deny", {"AWS": [USER]}, True),
    ("user", "Deny", {"AWS": [ACCOUNT]}, True),
    ("user", "Deny", {"AWS": [EVE, THEIRS]}, True),
    ("session", "Deny", {"AWS": [SESSION, ROLE, ACCOUNT]}, False),
    ("session", "Deny", {"AWS": [SESSION, ROLE]}, True),
    ("session", "Deny", {"AWS": [SESSION, ACCOUNT]}, True),
    ("session", "Deny", {"AWS": [ROLE, ACCOUNT]}, True),
    ("session", "Deny", {"AWS": [SESSION + "x", ROLE, ACCOUNT]}, True),
    ("federated", "Deny", {"AWS": [FEDERATED, USER, ACCOUNT]}, False),
    ("federated", "Deny", {"AWS": [USER, ACCOUNT]}, True),
    ("root", "Deny", {"AWS": [ACCOUNT]}, False),
    ("root", "Deny", {"AWS": [THEIRS]}, True),
    ("service", "Deny", {"Service": "sns.amazonaws.com"}, False),
    ("service", "Deny", {"Service": "sqs.amazonaws.com"}, True),
    ("anonymous", "Deny", {"AWS": [USER, ACCOUNT]}, True),
    ("anonymous", "Deny", "*", False),
    ("user", "Deny", "*", False),
    ("user", "Allow", {"AWS": [EVE]}, True),
    ("user", "Allow", {"AWS": [USER]}, False),
    ("user", "Allow", {"AWS": [ACCOUNT]}, False),
    ("session", "Allow", {"AWS": [ROLE]}, False),
    ("session", "Allow", {"AWS": [SESSION]}, False),
    ("session", "Allow", {"AWS": [SESSION + "x"]}, True),
    ("anonymous", "Allow", {"AWS": [USER]}, True),
    ("anonymous", "Allow", "*", False),
]  # fmt: skip


@pytest.mark.parametrize(("who", "effect", "principals", "applies"), NOT_PRINCIPALS)
def test_not_principal(who: str, effect: str, principals: Json, applies: bool) -> None:
    statement = {"Effect": effect, "NotPrincipal": principals, "Action": "*", "Resource": "*"}
    base = to("*") if effect == "Deny" else []
    decision = ask(who, resource=[*base, statement])
    if effect == "Deny":
        assert (decision.verdict is Verdict.EXPLICIT_DENY) is applies
    else:
        assert decision.allowed is applies


# The same page: a Deny with NotPrincipal denies every user and role with a permissions boundary, listed or not
@pytest.mark.parametrize(("who", "principals"), [
    ("user", {"AWS": [USER, ACCOUNT]}),
    ("session", {"AWS": [SESSION, ROLE, ACCOUNT]}),
])  # fmt: skip
def test_not_principal_and_boundaries(who: str, principals: Json) -> None:
    sparing = [{"Effect": "Deny", "NotPrincipal": principals, "Action": "*", "Resource": "*"}]
    check(who, {"identity": YES, "resource": sparing}, "allow")
    check(who, {"identity": YES, "boundary": YES, "resource": sparing}, "deny resource")
    granting = [{**sparing[0], "Effect": "Allow"}]
    check(who, {"boundary": YES, "resource": granting}, "no identity")
    other = [{**granting[0], "NotPrincipal": {"AWS": EVE}}]
    check(who, {"boundary": YES, "resource": other}, "allow")
