"""Tags of log groups, by ARN and by the older operations that take a group's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from pilvi.kit.call import Call
from pilvi.services.logs import records, rules
from pilvi.services.logs.service import logs
from pilvi.services.logs.wire import (
    ListTagsForResourceRequest,
    ListTagsForResourceResponse,
    ListTagsLogGroupRequest,
    ListTagsLogGroupResponse,
    TagLogGroupRequest,
    TagResourceRequest,
    UntagLogGroupRequest,
    UntagResourceRequest,
)
from pilvi.store.api import Snapshot, Transaction


@logs.write("TagResource")
def tag_resource(call: Call, tx: Transaction, req: TagResourceRequest) -> dict[str, object]:
    """Raises: ResourceNotFoundException, InvalidParameterException. AWS: TagResource."""
    return _tag(call, tx, rules.group_of_arn(call.scope, req["resourceArn"]), req["tags"])


@logs.write("UntagResource")
def untag_resource(call: Call, tx: Transaction, req: UntagResourceRequest) -> dict[str, object]:
    """Raises: ResourceNotFoundException. AWS: UntagResource."""
    return _untag(call, tx, rules.group_of_arn(call.scope, req["resourceArn"]), req["tagKeys"])


@logs.read("ListTagsForResource")
def list_tags_for_resource(
    call: Call, at: Snapshot, req: ListTagsForResourceRequest
) -> ListTagsForResourceResponse:
    """Raises: ResourceNotFoundException. AWS: ListTagsForResource."""
    name = rules.group_of_arn(call.scope, req["resourceArn"])
    return {"tags": records.get_group(at, call.scope, name).tags}


@logs.write("TagLogGroup")
def tag_log_group(call: Call, tx: Transaction, req: TagLogGroupRequest) -> dict[str, object]:
    """Raises: ResourceNotFoundException, InvalidParameterException. AWS: TagLogGroup."""
    return _tag(call, tx, req["logGroupName"], req["tags"])


@logs.write("UntagLogGroup")
def untag_log_group(call: Call, tx: Transaction, req: UntagLogGroupRequest) -> dict[str, object]:
    """Raises: ResourceNotFoundException. AWS: UntagLogGroup."""
    return _untag(call, tx, req["logGroupName"], req["tags"])


@logs.read("ListTagsLogGroup")
def list_tags_log_group(
    call: Call, at: Snapshot, req: ListTagsLogGroupRequest
) -> ListTagsLogGroupResponse:
    """Raises: ResourceNotFoundException. AWS: ListTagsLogGroup."""
    return {"tags": records.get_group(at, call.scope, req["logGroupName"]).tags}


def _tag(call: Call, tx: Transaction, name: str, tags: Mapping[str, str]) -> dict[str, object]:
    group = records.get_group(tx, call.scope, name)
    merged = {**group.tags, **dict(tags.items())}
    records.put_group(tx, call.scope, msgspec.structs.replace(group, tags=rules.check_tags(merged)))
    return {}


def _untag(call: Call, tx: Transaction, name: str, keys: Iterable[str]) -> dict[str, object]:
    group = records.get_group(tx, call.scope, name)
    gone = set(keys)
    left = {key: value for key, value in group.tags.items() if key not in gone}
    records.put_group(tx, call.scope, msgspec.structs.replace(group, tags=left))
    return {}
