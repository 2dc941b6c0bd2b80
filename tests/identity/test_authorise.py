"""What requests tell policies, and in which words each service refuses."""

from __future__ import annotations

import pytest

from pilvi.base.errors import NotBuilt
from pilvi.base.http import HttpRequest
from pilvi.contracts.credentials import Session
from pilvi.identity import authorise
from pilvi.identity.permissions import (
    NOBODYS,
    OnResource,
    Permissions,
    RequestContext,
    roots,
)
from pilvi.identity.principal import ANONYMOUS, Principal, root_of
from pilvi.languages.policy import IDENTITY, Attachment, Kind, Origin, document
from pilvi.languages.policy import Principal as PolicyPrincipal

USER = Principal("1" * 12, f"arn:aws:iam::{'1' * 12}:user/staff/ann", "AIDAANN")
SESSION = Principal(
    "1" * 12,
    f"arn:aws:sts::{'1' * 12}:assumed-role/worker/s",
    "AROAWORKER:s",
    role_arn=f"arn:aws:iam::{'1' * 12}:role/worker",
    session=Session(issued_at_ms=1),
)


def context_of(principal: Principal) -> RequestContext:
    request = HttpRequest("GET", "/", "", {"user-agent": "test"}, client_host="10.0.0.7")
    permissions = Permissions(NOBODYS.principal, tags={"Team": "red"})
    now_ms, region, owner = 1_700_000_000_000, "eu-north-1", "2" * 12
    specific = {"s3:prefix": ("a/",)}
    return RequestContext(
        principal,
        permissions,
        now_ms,
        region,
        request,
        owner,
        "s3:ListBucket",
        specific,
        frozenset({"s3:prefix", "s3:delimiter"}),
    )


@pytest.mark.parametrize(
    ("principal", "key", "value"),
    [
        (USER, "aws:username", "ann"),
        (SESSION, "aws:username", None),
        (USER, "aws:userid", "AIDAANN"),
        (SESSION, "aws:userid", "AROAWORKER:s"),
        (SESSION, "aws:principalarn", SESSION.role_arn),
        (USER, "aws:principaltype", "User"),
        (SESSION, "aws:principaltype", "AssumedRole"),
        (ANONYMOUS, "aws:principaltype", "Anonymous"),
        (USER, "aws:principaltag/team", "red"),
        (USER, "aws:principaltag/other", None),
        (USER, "aws:currenttime", "2023-11-14T22:13:20Z"),
        (USER, "aws:epochtime", "1700000000"),
        (USER, "aws:sourceip", "10.0.0.7"),
        (USER, "aws:securetransport", "false"),
        (USER, "aws:requestedregion", "eu-north-1"),
        (USER, "aws:resourceaccount", "2" * 12),
        (USER, "aws:multifactorauthpresent", None),
        (SESSION, "aws:multifactorauthpresent", "false"),
        (USER, "s3:prefix", "a/"),
        (USER, "s3:delimiter", None),
        (USER, "aws:sourcevpc", None),
        (USER, "dynamodb:leadingkeys", None),
        (USER, "aws:requesttag/team", None),  # AWS tells no such thing of s3:ListBucket
        (USER, "aws:tagkeys", None),
    ],
)
def test_what_a_request_tells(principal: Principal, key: str, value: str | None) -> None:
    context = context_of(principal)
    assert context.get(key) == (None if value is None else (value,))
    assert (key in set(context)) == (value is not None)
    assert len(context) == len(list(context))


@pytest.mark.parametrize("key", ["aws:resourcetag/team", "aws:somethingnew", "s3:signatureversion"])
def test_a_key_that_cannot_be_told_is_refused_by_name(key: str) -> None:
    """Taken for absent, it would satisfy ForAllValues, and let somebody in."""
    with pytest.raises(NotBuilt, match=f"the condition key {key} in policies about s3:ListBucket"):
        context_of(USER).get(key)


USERS_OWN = PolicyPrincipal(Kind.USER, USER.account, USER.arn, unique_id=USER.id)


def judge(principal: PolicyPrincipal, *statements: str) -> authorise.Decision:
    text = f'{{"Version": "2012-10-17", "Statement": [{", ".join(statements)}]}}'
    mine = (document(text, IDENTITY, Origin(Attachment.INLINE, name="own")),) if statements else ()
    permissions, on_resource = Permissions(principal, mine), OnResource(USER.account)
    _, _, decision = authorise.judge(
        permissions,
        authorise.applying(permissions, on_resource),
        "s3:GetObject",
        "arn:aws:s3:::b/k",
        context_of(USER),
        on_resource,
    )
    return decision


ALLOW = '{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/*"}'
DENY = '{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}'


def test_policies_decide() -> None:
    assert not judge(USERS_OWN).allowed
    assert judge(USERS_OWN, ALLOW).allowed
    assert not judge(USERS_OWN, ALLOW, DENY).allowed
    assert judge(roots(root_of(USER.account, "1")).principal).allowed
    assert not judge(NOBODYS.principal, ALLOW).allowed


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("dynamodb", "AccessDeniedException", 400),
        ("logs", "AccessDeniedException", 400),
        ("lambda", "AccessDeniedException", 403),
        ("apigatewayv2", "AccessDeniedException", 403),
        ("iam", "AccessDenied", 403),
        ("s3", "AccessDenied", 403),
    ],
)
def test_each_service_refuses_in_its_own_words(service: str, code: str, status: int) -> None:
    permissions, on_resource = Permissions(USERS_OWN), OnResource(USER.account)
    request, _, decision = authorise.judge(
        permissions,
        authorise.applying(permissions, on_resource),
        "s3:GetObject",
        "arn:aws:s3:::b/k",
        context_of(USER),
        on_resource,
    )
    error = authorise.denial(service, request, decision)
    assert (error.code, error.status) == (code, status)
    resource = '"arn:aws:s3:::b/k"' if service == "s3" else "arn:aws:s3:::b/k"
    assert error.text == (
        f"User: {USER.arn} is not authorized to perform: s3:GetObject on resource: {resource} "
        "because no identity-based policy allows the s3:GetObject action"
    )
