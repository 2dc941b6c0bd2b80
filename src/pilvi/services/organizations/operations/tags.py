"""Tags of the root, of units, accounts and policies."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.organizations import access, errors, records, rules
from pilvi.services.organizations.records import Organization
from pilvi.services.organizations.service import organizations
from pilvi.services.organizations.wire import (
    ListTagsForResourceRequest,
    ListTagsForResourceResponse,
    TagResourceRequest,
    UntagResourceRequest,
)
from pilvi.store.api import Snapshot, Transaction


@organizations.write("TagResource")
def tag_resource(call: Call, tx: Transaction, req: TagResourceRequest) -> None:
    """Raises: TargetNotFoundException, InvalidInputException, ConstraintViolationException."""
    organization = records.get_managed(tx, call.account)
    before = _tags(tx, organization, req["ResourceId"])
    _put(tx, organization, req["ResourceId"], rules.tags_of(req["Tags"], before))


@organizations.write("UntagResource")
def untag_resource(call: Call, tx: Transaction, req: UntagResourceRequest) -> None:
    """Raises: TargetNotFoundException."""
    organization, gone = records.get_managed(tx, call.account), set(req["TagKeys"])
    before = _tags(tx, organization, req["ResourceId"])
    left = {key: value for key, value in before.items() if key not in gone}
    _put(tx, organization, req["ResourceId"], left)


@organizations.read("ListTagsForResource")
def list_tags_for_resource(
    call: Call, at: Snapshot, req: ListTagsForResourceRequest
) -> ListTagsForResourceResponse:
    """All of them: a resource has at most 50. Raises: TargetNotFoundException."""
    req.get("NextToken")
    organization = records.get_managed(at, call.account)
    return {"Tags": rules.told_tags(_tags(at, organization, req["ResourceId"]))}


def _tags(at: Snapshot, organization: Organization, id: str) -> dict[str, str]:
    found = access.tags_of(at, organization, id)
    if found is None:
        raise errors.TargetNotFoundException()
    return found


def _put(tx: Transaction, organization: Organization, id: str, tags: dict[str, str]) -> None:
    replace, home = msgspec.structs.replace, organization.home
    if id == organization.root_id:
        records.put_organization(tx, replace(organization, root_tags=tags))
        return
    if id.startswith("p-"):
        policy = records.get_policy(tx, organization, id)
        if policy.aws_managed:
            raise errors.InvalidInputException(
                reason="IMMUTABLE_POLICY",
                detail="You can't modify or delete an AWS managed policy.",
            )
        records.POLICIES.put(tx, home, replace(policy, tags=tags))
        return
    unit = records.find_unit(tx, organization, id)
    if unit is not None:
        records.UNITS.put(tx, home, replace(unit, tags=tags))
        return
    account = records.get_account(tx, organization, id)
    records.ACCOUNTS.put(tx, home, replace(account, tags=tags))
