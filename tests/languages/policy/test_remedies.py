"""What is told as a remedy is one: with it the request is allowed, and without any one of them it is not."""

from __future__ import annotations

import json

import msgspec
import pytest
from tests.languages.policy.asking import (
    HERE,
    PEOPLE,
    THERE,
    Json,
    allow,
    deny,
    policies_of,
    written,
)

from pilvi.contracts.observations import Remedy
from pilvi.languages.policy import (
    IDENTITY,
    RESOURCE,
    TRUST,
    Attachment,
    Document,
    Origin,
    Policies,
    Request,
    ResourceSide,
    decide,
    document,
    literal,
    remedies,
)

KEY = "arn:aws:s3:::books/a*b?c${aws:username}$1"
ROLE_ARN = f"arn:aws:iam::{HERE}:role/team/worker"


def _with(policies: Policies, remedy: Remedy) -> Policies:
    """The same policies, one statement more."""

    def more(attachment: Attachment) -> Document:
        text = json.dumps({"Version": "2012-10-17", "Statement": [remedy.statement]})
        form = {Attachment.RESOURCE: RESOURCE, Attachment.KEY: RESOURCE, Attachment.TRUST: TRUST}
        return document(text, form.get(attachment, IDENTITY), Origin(attachment))

    replace = msgspec.structs.replace
    if "trust policy" in remedy.where:
        return replace(policies, resource=(*policies.resource, more(Attachment.TRUST)))
    if "key policy" in remedy.where:
        return replace(policies, resource=(*policies.resource, more(Attachment.KEY)))
    if "resource-based policy" in remedy.where:
        return replace(policies, resource=(*policies.resource, more(Attachment.RESOURCE)))
    if "permissions boundary" in remedy.where:
        return replace(policies, boundary=more(Attachment.BOUNDARY))
    if "session of" in remedy.where:
        return replace(policies, session=(*policies.session, more(Attachment.SESSION)))
    if "service control policy" in remedy.where:
        return replace(policies, service_control=((more(Attachment.SERVICE_CONTROL),),))
    assert "a policy of" in remedy.where, remedy
    return replace(policies, identity=(*policies.identity, more(Attachment.INLINE)))


def _policies(**layers: Json) -> Policies:
    return policies_of({name: [written(one)] for name, one in layers.items()})


OTHER = [allow("sqs:*")]
CASES = {
    "nothing allows it": (PEOPLE["session"], HERE, _policies()),
    "the boundary does not": (PEOPLE["user"], HERE, _policies(identity=[allow()], boundary=OTHER)),
    "neither do": (PEOPLE["user"], HERE, _policies(boundary=OTHER)),
    "nor the session's policy": (PEOPLE["session"], HERE, _policies(session=OTHER)),
    "across accounts": (PEOPLE["their session"], HERE, _policies()),
    "their user": (PEOPLE["their user"], HERE, _policies(identity=[allow()])),
    "our role in another account": (PEOPLE["session"], THERE, _policies()),
    "an anonymous caller": (PEOPLE["anonymous"], HERE, _policies()),
    "a service": (PEOPLE["service"], HERE, _policies()),
    "a trust policy": (
        PEOPLE["their user"], HERE, Policies(resource_side=ResourceSide.TRUST),
    ),
    "a key policy": (PEOPLE["session"], HERE, Policies(resource_side=ResourceSide.KEY)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_all_remedies_together_allow_it_and_each_is_needed(name: str) -> None:
    principal, account, policies = CASES[name]
    trust = policies.resource_side is ResourceSide.TRUST
    action, resource = ("sts:AssumeRole", ROLE_ARN) if trust else ("s3:GetObject", KEY)
    request = Request(principal, action, (resource,), account, {})
    found = remedies(request, policies, decide(request, policies))
    assert found

    def allowed(some: list[Remedy]) -> bool:
        changed = policies
        for one in some:
            changed = _with(changed, one)
        return decide(request, changed).allowed

    assert allowed(list(found))
    for one in found:
        assert not allowed([other for other in found if other is not one])


# Where a statement denies, none that allows is told: it would not help.
def test_a_denial_is_not_mended_by_allowing() -> None:
    policies = _policies(identity=[allow(), deny()])
    request = Request(PEOPLE["user"], "s3:GetObject", (KEY,), HERE, {})
    (one,) = remedies(request, policies, decide(request, policies))
    assert one.statement is None
    assert "statement 2" in one.where


def test_no_remedy_for_what_is_allowed() -> None:
    policies = _policies(identity=[allow()])
    request = Request(PEOPLE["user"], "s3:GetObject", (KEY,), HERE, {})
    assert remedies(request, policies, decide(request, policies)) == ()


# A name with a star in it is that name: the statement must not allow its neighbours.
def test_names_stay_themselves() -> None:
    assert literal(KEY) == "arn:aws:s3:::books/a${*}b${?}c${$}{aws:username}$1"
    assert literal("*") == "*"
    policies = _policies()
    request = Request(PEOPLE["user"], "s3:GetObject", (KEY,), HERE, {})
    (one,) = remedies(request, policies, decide(request, policies))
    neighbour = Request(PEOPLE["user"], "s3:GetObject", (KEY.replace("*", "zz"),), HERE, {})
    assert not decide(neighbour, _with(policies, one)).allowed
