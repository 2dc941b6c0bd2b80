"""What stands on the side of a table or a stream, for the permission step.

AWS: DynamoDB Developer Guide, "Using resource-based policies for DynamoDB".
"""

from __future__ import annotations

from collections.abc import Mapping

from pilvi.identity.permissions import OnResource
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.languages.policy import RESOURCE, Attachment, Document, Origin, document
from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.policies import records
from pilvi.store.api import Snapshot

_NOBODYS = OnResource()
_WAY_OUT = "dynamodb:DeleteResourcePolicy"


async def on_table(call: Call, asked: Permission, resource: str) -> OnResource:
    """The owner and the policy of the table, the index or the stream that an ARN names.

    The root of an account may delete a policy whatever that says, so that nobody is locked out for good.
    """
    if resource == "*":
        return _NOBODYS
    side = await side_of(call, resource)
    if side.policies and asked.action == _WAY_OUT:
        principal = call.principal
        if principal.account == side.account and (principal.is_root or principal.made_up):
            return OnResource(side.account)
    return side


async def side_of(call: Call, resource: str) -> OnResource:
    return await call.cloud.kept(_load, most=limits.TABLES_CACHED).get(resource)


def _load(at: Snapshot, arn: str) -> OnResource:
    place = records.find_place(arn)
    if place is None:
        parts = arn.split(":", 5)
        account = parts[4] if len(parts) == 6 else ""
        return OnResource(account if account.isdigit() else "")
    policy = records.find_policy(at, place)
    if policy is None:
        return OnResource(place.scope.account)
    return OnResource(place.scope.account, (readable(policy.text, place.arn, policy.ids),))


def readable(text: str, arn: str, ids: Mapping[str, str]) -> Document:
    return document(text, RESOURCE, Origin(Attachment.RESOURCE, holder=arn), ids)
