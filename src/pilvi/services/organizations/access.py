"""What permission is asked about: the whole ARNs of things that requests name by their ids, and their tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pilvi.identity.permissions import OnResource
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Tells
from pilvi.services.organizations import records, rules
from pilvi.services.organizations.records import Organization
from pilvi.store.api import Snapshot


@dataclass(frozen=True, slots=True)
class PolicyNamed:
    """`Permission.told` of requests that name a policy."""

    id: str


def draft_arn(account: str, id: str, kinds: Sequence[str]) -> str:
    """As far as the id tells: the organisation is not known yet, nor the type of a policy. An id that is none of
    these kinds of things names nothing."""
    kind = rules.kind_of(id)
    if kind not in kinds:
        kind, id = kinds[0], f"{rules.PREFIXES[kinds[0]]}*"
    middle = "*/" if kind in ("policy", "handshake") else ""
    return f"arn:aws:organizations::{account}:{kind}/o-*/{middle}{id}"


async def thing_named(call: Call, asked: Permission, resource: str) -> OnResource:
    """A thing under its whole ARN. It is told as the caller's own even to a member account: what only the management
    account may, the handlers know."""
    return await call.view(lambda at: _found(at, call.account, asked.told, resource))


def _found(at: Snapshot, account: str, told: object, resource: str) -> OnResource:
    id = _id_of(resource)
    if id.startswith("h-"):
        handshake = records.HANDSHAKES.find(at, records.EVERYWHERE, id)
        party = handshake is not None and account in (handshake.account, handshake.management)
        return OnResource(arn=rules.handshake_arn(handshake) if handshake and party else "")
    organization = records.find_organization(at, account)
    if organization is None:
        return OnResource()
    context: dict[str, tuple[str, ...]] = {}
    if isinstance(told, PolicyNamed) or id.startswith("p-"):
        policy_id = told.id if isinstance(told, PolicyNamed) else id
        policy = records.find_policy(at, organization, policy_id)
        if policy is not None:
            context["organizations:policytype"] = (policy.type,)
            if id == policy_id:
                arn = rules.policy_arn(organization, policy)
                return OnResource(arn=arn, context=context)
    if not id or id.startswith("p-"):
        return OnResource(context=context)
    return OnResource(arn=rules.node_arn(organization, id), context=context)


def _id_of(resource: str) -> str:
    """ "" where a request names nothing."""
    id = resource.rpartition("/")[2]
    return "" if "*" in id else id


async def _tags(call: Call, asked: Permission, arn: str) -> Mapping[str, tuple[str, ...]]:
    id = _id_of(arn)

    def look(at: Snapshot) -> Mapping[str, str]:
        organization = records.find_organization(at, call.account)
        return {} if organization is None else tags_of(at, organization, id) or {}

    return tags.of_resource(await call.view(look)) if id else {}


TAGS = Tells(frozenset({"aws:resourcetag/*"}), _tags)


def tags_of(at: Snapshot, organization: Organization, id: str) -> dict[str, str] | None:
    """None for what does not exist, or has no tags of its own."""
    if id == organization.root_id:
        return organization.root_tags
    found = (
        records.find_policy(at, organization, id)
        if id.startswith("p-")
        else records.find_unit(at, organization, id) or records.find_account(at, organization, id)
    )
    return None if found is None else found.tags
