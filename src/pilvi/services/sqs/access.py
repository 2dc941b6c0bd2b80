"""Who may do what with a queue: what stands on its side, for the permission step; and services that deliver to it.

AWS: SQS Developer Guide, "Using custom policies with the Amazon SQS Access Policy Language"; Service Authorization
Reference, "Actions, resources, and condition keys for Amazon SQS".
"""

from __future__ import annotations

from collections.abc import Mapping

from pilvi.contracts.delivery import Source
from pilvi.identity.permissions import OnResource
from pilvi.kit import behalf, tags
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.permission import Permission
from pilvi.kit.service import Tells
from pilvi.languages.policy import RESOURCE, Attachment, Origin, document
from pilvi.services.sqs import limits, names, records
from pilvi.services.sqs.names import QueueName
from pilvi.store.api import Snapshot

OWNERS_ALONE = frozenset(
    f"sqs:{name}".lower()
    for name in (
        *("AddPermission", "CancelMessageMoveTask", "CreateQueue", "DeleteQueue"),
        *("ListMessageMoveTasks", "ListQueues", "ListQueueTags", "RemovePermission"),
        *("SetQueueAttributes", "StartMessageMoveTask", "TagQueue", "UntagQueue"),
    )
)
"""What no policy of a queue can open to other accounts."""

_NOBODYS = OnResource()


async def on_queue(call: Call, asked: Permission, resource: str) -> OnResource:
    name = names.parse_arn(resource)
    if name is None:
        return _NOBODYS
    if call.principal.account != name.scope.account and asked.action.lower() in OWNERS_ALONE:
        return OnResource(name.scope.account)
    return await side_of(call.cloud, name)


async def side_of(cloud: Cloud, name: QueueName) -> OnResource:
    kept = cloud.kept(_load_side, most=limits.POLICIES_KEPT)
    return kept.find(name.arn) or await kept.get(name.arn)


def _load_side(at: Snapshot, arn: str) -> OnResource:
    name = names.parse_arn(arn)
    assert name is not None, arn
    queue = records.find_queue(at, name)
    if queue is None or not queue.policy:
        return OnResource(name.scope.account)
    stated = document(
        queue.policy, RESOURCE, Origin(Attachment.RESOURCE, holder=arn), queue.policy_ids
    )
    return OnResource(name.scope.account, (stated,))


async def _tell_tags(call: Call, asked: Permission, resource: str) -> Mapping[str, tuple[str, ...]]:
    name = names.parse_arn(resource)
    if name is None:
        return {}
    queue = await call.view(lambda at: records.find_queue(at, name))
    return {} if queue is None else tags.of_resource(queue.tags)


TAGS = Tells(frozenset({"aws:resourcetag/*"}), _tell_tags)


async def lets_in(cloud: Cloud, name: QueueName, source: Source) -> bool:
    """Whether a service may send a message for what it acts for. Why not is in the log."""
    return await behalf.lets_in(
        cloud,
        source,
        "sqs:SendMessage",
        name.arn,
        await side_of(cloud, name),
        account=name.scope.account,
    )
