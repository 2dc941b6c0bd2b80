"""What is decided once: found again for the same caller, and for nothing else."""

from __future__ import annotations

import msgspec
import pytest

from persons import allow, deny, document
from pilvi.identity import authorise
from pilvi.identity.permissions import OnResource, Permissions
from pilvi.kit.decided import KEPT_MAX, Decided, Judged
from pilvi.languages.policy import (
    IDENTITY,
    RESOURCE,
    Attachment,
    Kind,
    Origin,
)
from pilvi.languages.policy import Principal as PolicyPrincipal
from pilvi.languages.policy import document as read

ACCOUNT = "111122223333"
ANN = PolicyPrincipal(Kind.USER, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann")
TABLE, OTHER = (f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{name}" for name in ("t", "u"))
GET = "dynamodb:GetItem"
NOBODYS = OnResource()


def permissions(*statements: dict[str, object]) -> Permissions:
    policy = read(document(*statements), IDENTITY, Origin(Attachment.INLINE))
    return Permissions(ANN, (policy,))


def judged(of: Permissions, resource: str, on_resource: OnResource = NOBODYS) -> Judged:
    policies = authorise.applying(of, on_resource)
    return authorise.judge(of, policies, GET, resource, {}, on_resource)


def test_of_one_resource() -> None:
    decided, anns = Decided(), permissions(allow(GET, TABLE))
    decision = judged(anns, TABLE)
    decided.keep(anns, NOBODYS, TABLE, decision)
    assert decided.find(anns, NOBODYS, GET, TABLE) is decision
    assert decided.find(anns, NOBODYS, GET, OTHER) is None
    assert decided.find(anns, NOBODYS, "dynamodb:PutItem", TABLE) is None


def test_of_every_resource_where_policies_name_none() -> None:
    decided, anns = Decided(), permissions(allow("dynamodb:*"), allow("s3:*", "arn:aws:s3:::b"))
    decision = judged(anns, TABLE)
    decided.keep(anns, NOBODYS, TABLE, decision)
    assert decided.find(anns, NOBODYS, GET, OTHER) is decision


def test_a_denied_resource_beside_an_allowed_one() -> None:
    decided, anns = Decided(), permissions(allow("dynamodb:*"), deny(GET, OTHER))
    decided.keep(anns, NOBODYS, TABLE, judged(anns, TABLE))
    assert decided.find(anns, NOBODYS, GET, OTHER) is None


def test_of_nobody_else_and_of_nobody_changed() -> None:
    decided, anns = Decided(), permissions(allow("*"))
    decided.keep(anns, NOBODYS, TABLE, judged(anns, TABLE))
    assert decided.find(msgspec.structs.replace(anns), NOBODYS, GET, TABLE) is None


@pytest.mark.parametrize(
    "statement",
    [
        allow(GET, Condition={"StringEquals": {"aws:PrincipalArn": ANN.arn}}),
        allow(GET, Condition={"Null": {"aws:SourceIp": "true"}}),
        allow(GET, TABLE.removesuffix("t") + "${aws:username}"),
    ],
)
def test_nothing_that_hangs_on_the_request(statement: dict[str, object]) -> None:
    decided, anns = Decided(), permissions(allow(GET), statement)
    decision = judged(anns, TABLE)
    assert decision[2].allowed
    decided.keep(anns, NOBODYS, TABLE, decision)
    assert decided.find(anns, NOBODYS, GET, TABLE) is None


def test_no_refusal() -> None:
    decided, anns = Decided(), permissions(allow("s3:*"))
    decided.keep(anns, NOBODYS, TABLE, judged(anns, TABLE))
    assert decided.find(anns, NOBODYS, GET, TABLE) is None


def test_not_where_something_else_stands_on_the_resources_side() -> None:
    decided, anns = Decided(), permissions(allow("*"))
    decided.keep(anns, NOBODYS, TABLE, judged(anns, TABLE))
    denies = read(document({**deny("*"), "Principal": "*"}), RESOURCE, Origin(Attachment.RESOURCE))
    denying = OnResource(ACCOUNT, (denies,))
    assert decided.find(anns, denying, GET, TABLE) is None
    assert decided.find(anns, OnResource("444455556666"), GET, TABLE) is None
    assert decided.find(anns, OnResource(), GET, TABLE) is not None


def test_it_is_bounded() -> None:
    decided, anns = Decided(), permissions(allow(GET, TABLE + "*"))
    first = judged(anns, TABLE)
    decided.keep(anns, NOBODYS, TABLE, first)
    for number in range(KEPT_MAX):
        decided.keep(anns, NOBODYS, f"{TABLE}{number}", judged(anns, f"{TABLE}{number}"))
    assert decided.find(anns, NOBODYS, GET, TABLE) is None
    assert decided.find(anns, NOBODYS, GET, f"{TABLE}{KEPT_MAX - 1}") is not None
