"""Whatever is attached wherever: allowed is what every level allows and no level denies."""

from __future__ import annotations

import asyncio
from fnmatch import fnmatchcase
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from organizations.house import RCP, SCP, allow, deny, written
from pilvi.identity.guardrails import Guardrails, limited
from pilvi.languages.policy import (
    IDENTITY,
    RESOURCE,
    Attachment,
    Kind,
    Origin,
    Policies,
    Principal,
    Request,
    decide,
    document,
)
from pilvi.services.organizations import records
from pilvi.services.organizations.guardrails import guardrails_of
from pilvi.services.organizations.records import Account, Organization, Policy, Unit
from pilvi.store.api import Transaction
from pilvi.store.memory import MemoryStore

MANAGEMENT, MEMBER = "1" * 12, "2" * 12
ACTIONS = ("s3:GetObject", "s3:PutObject", "sts:AssumeRole", "iam:ListUsers", "lambda:Invoke")
PATTERNS = (*ACTIONS, "s3:*", "s3:*Object", "*", "iam:List*", "sts:AssumeRole")

Statement = dict[str, Any]

STATEMENTS = st.builds(
    lambda effect, actions: effect(list(actions)),
    st.sampled_from([allow, deny]),
    st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2),
)
LEVELS = st.lists(
    st.lists(st.lists(STATEMENTS, min_size=1, max_size=2), min_size=1, max_size=3),
    min_size=2,
    max_size=6,
)
"""Per level from the root to the account: the statements of each policy that is attached there."""


def naive(levels: list[list[list[Statement]]], action: str) -> bool:
    """As the user guide says it, with nothing remembered and nothing compiled."""

    def about(level: list[list[Statement]], effect: str) -> bool:
        return any(
            statement["Effect"] == effect and fnmatchcase(action, pattern)
            for policy in level
            for statement in policy
            for pattern in statement["Action"]
        )

    denied = any(about(level, "Deny") for level in levels)
    return not denied and all(about(level, "Allow") for level in levels)


def kept(levels: list[list[list[Statement]]], kind: str) -> Guardrails:
    """What is answered of an account below units with these policies, as they are stored."""

    def build(tx: Transaction) -> None:
        organization = Organization(
            id="o-0000000000",
            management=MANAGEMENT,
            root_id="r-0000",
            created_at_ms=0,
        )
        records.put_organization(tx, organization)
        parent, nodes = organization.root_id, [organization.root_id]
        for number in range(len(levels) - 2):
            unit = Unit(id=f"ou-0000-0000000{number}", name="u", parent=parent)
            records.UNITS.put(tx, organization.home, unit)
            parent = unit.id
            nodes.append(parent)
        for id, above in ((MANAGEMENT, organization.root_id), (MEMBER, parent)):
            account = Account(
                id=id, name="", email="", parent=above, joined="INVITED", joined_at_ms=0
            )
            records.put_account(tx, organization, account)
        for node, level in zip([*nodes, MEMBER], levels, strict=True):
            for number, statements in enumerate(level):
                policy = Policy(
                    id=f"p-{node}-{number}",
                    type=kind,
                    name=f"{node} {number}",
                    description="",
                    content=written(*statements),
                )
                records.POLICIES.put(tx, organization.home, policy)
                records.attach(tx, organization, node, policy)
        enabled = msgspec.structs.replace(organization, enabled=(kind,))
        records.put_organization(tx, enabled)

    async def story() -> Guardrails:
        store = MemoryStore()
        await store.write(build)
        management = await store.read(lambda at: guardrails_of(at, MANAGEMENT))
        assert not management.limits
        return await store.read(lambda at: guardrails_of(at, MEMBER))

    return asyncio.run(story())


EVERYTHING = document(written(allow("*")), IDENTITY, Origin(Attachment.INLINE))


def decided(around: Guardrails, action: str, *, ours: bool) -> bool:
    """Of a user who may everything: of the account, or of another that this one's resources let in."""
    account = MEMBER if ours else "3" * 12
    arn = f"arn:aws:iam::{account}:user/ann"
    who = Principal(Kind.USER, account, arn, unique_id="AIDA")
    granting = document(written(allow("*", Principal="*")), RESOURCE, Origin(Attachment.RESOURCE))
    policies = Policies(identity=(EVERYTHING,), resource=(granting,))
    policies = limited(policies, around if ours else Guardrails(), around, action)
    return decide(Request(who, action, ("*",), MEMBER, {}), policies).allowed


@given(LEVELS)
def test_service_control_policies_are_the_intersection_of_all_levels(
    levels: list[list[list[Statement]]],
) -> None:
    around = kept(levels, SCP)
    assert around.path.count("/") == len(levels)
    for action in ACTIONS:
        assert decided(around, action, ours=True) == naive(levels, action), action
        assert decided(around, action, ours=False), "others are no affair of theirs"


@given(LEVELS)
def test_resource_control_policies_are_so_for_the_services_that_take_part(
    levels: list[list[list[Statement]]],
) -> None:
    """Stored here are also those that a customer cannot write: with Allow."""
    everyone = [
        [[{**one, "Principal": "*"} for one in policy] for policy in level] for level in levels
    ]
    around = kept(everyone, RCP)
    for action in ACTIONS:
        takes_part = action.startswith(("s3:", "sts:"))
        for ours in (True, False):
            expected = not takes_part or naive(levels, action)
            assert decided(around, action, ours=ours) == expected, action


def test_an_account_that_is_in_no_organisation_is_free() -> None:
    async def story() -> Guardrails:
        return await MemoryStore().read(lambda at: guardrails_of(at, MEMBER))

    assert asyncio.run(story()) == Guardrails()


def test_a_level_without_policies_allows_nothing() -> None:
    """It cannot come to that; should it, nothing is let in."""
    around = Guardrails("o-1", "o-1/r-1/", service_control=((EVERYTHING,), ()))
    assert not decided(around, "s3:GetObject", ours=True)
