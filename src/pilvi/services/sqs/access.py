"""Who may do what with a queue: what stands on its side, for the permission step; and services that deliver to it.

AWS: SQS Developer Guide, "Using custom policies with the Amazon SQS Access Policy Language"; Service Authorization
Reference, "Actions, resources, and condition keys for Amazon SQS".
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from pilvi.contracts.delivery import Source
from pilvi.identity import behalf
from pilvi.identity.guardrails import GuardrailsOf
from pilvi.identity.permissions import OnResource
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.permission import Permission
from pilvi.kit.service import Tells
from pilvi.languages.policy import RESOURCE, Attachment, Origin, document, explain
from pilvi.services.sqs import limits, names, records
from pilvi.services.sqs.names import QueueName
from pilvi.store.api import Snapshot

log = logging.getLogger("pilvi.sqs")

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
    mode = cloud.settings.iam
    if mode == "off":
        return True
    guardrails = cloud.ask(GuardrailsOf)
    request, policies, decision = behalf.judge(
        source,
        "sqs:SendMessage",
        name.arn,
        await side_of(cloud, name),
        now_ms=cloud.clock.now_ms(),
        there=await guardrails.of_account(name.scope.account),
        here=await guardrails.of_account(source.account),
    )
    if decision.allowed:
        return True
    lines = explain(request, policies, decision)
    told = "; ".join(lines).encode("unicode_escape").decode()  # sources may hold line breaks
    if mode == "audit":
        log.warning("%s for %s would be denied: %s", source.service, source.arn, told)
        return True
    log.info("%s for %s is denied: %s", source.service, source.arn, told)
    return False
