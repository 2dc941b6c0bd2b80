"""Log groups: create, describe, delete."""

from __future__ import annotations

from pilvi.base.errors import NotBuilt
from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.logs import errors, limits, records, rules
from pilvi.services.logs.records import LogGroup
from pilvi.services.logs.service import logs
from pilvi.services.logs.wire import (
    CreateLogGroupRequest,
    DeleteLogGroupRequest,
    DescribeLogGroupsRequest,
    DescribeLogGroupsResponse,
)
from pilvi.services.logs.wire import LogGroup as LogGroupMember
from pilvi.store.api import Snapshot, Transaction


@logs.write("CreateLogGroup")
def create_log_group(call: Call, tx: Transaction, req: CreateLogGroupRequest) -> dict[str, object]:
    """Create an empty log group.

    Raises: ResourceAlreadyExistsException; NotBuilt for deletion protection.
    AWS: CreateLogGroup.
    """
    name = req["logGroupName"]
    if records.groups.find(tx, records.groups_home(call.scope), name) is not None:
        raise errors.ResourceAlreadyExistsException(what="log group")
    if req.get("deletionProtectionEnabled", False):
        raise NotBuilt(what="deletion protection of log groups")
    group = LogGroup(
        name=name,
        created_ms=call.now_ms,
        log_class=req.get("logGroupClass", "STANDARD"),
        tags=rules.check_tags(dict(req.get("tags", {}).items())),
    )
    records.put_group(tx, call.scope, group)
    return {}


@logs.write("DeleteLogGroup")
def delete_log_group(call: Call, tx: Transaction, req: DeleteLogGroupRequest) -> dict[str, object]:
    """Delete a group with all its streams and events.

    Raises: ResourceNotFoundException. AWS: DeleteLogGroup.
    """
    name = rules.group_name(call.scope, req)
    records.get_group(tx, call.scope, name)
    records.delete_group(tx, call.scope, name)
    return {}


@logs.read("DescribeLogGroups")
def describe_log_groups(
    call: Call, at: Snapshot, req: DescribeLogGroupsRequest
) -> DescribeLogGroupsResponse:
    """A page of groups by name, of those with a prefix or a pattern (any part, whatever the case).

    Raises: InvalidParameterException. AWS: DescribeLogGroups.
    """
    prefix, pattern = req.get("logGroupNamePrefix"), req.get("logGroupNamePattern")
    if prefix is not None and pattern is not None:
        raise errors.InvalidParameterException(
            detail="LogGroup name prefix and LogGroup name pattern"
            " are mutually exclusive parameters."
        )
    if req.get("includeLinkedAccounts", False):
        raise NotBuilt(what="log groups of linked accounts")
    log_class = req.get("logGroupClass")
    after = rules.name_of_token(req.get("nextToken"))
    found = records.groups.scan(
        at, records.groups_home(call.scope), after_key=(after,) if after is not None else None
    )
    chosen = (
        group
        for group in found
        if group.name.startswith(prefix or "")
        and (pattern or "").lower() in group.name.lower()
        and log_class in (None, group.log_class)
    )
    page, more = paging.page_of(chosen, rules.page_size(req.get("limit"), limits.GROUPS_PAGE_MAX))
    result: DescribeLogGroupsResponse = {"logGroups": [_described(call, group) for group in page]}
    if more:
        result["nextToken"] = paging.token_of((page[-1].name,))
    return result


def _described(call: Call, group: LogGroup) -> LogGroupMember:
    arn = rules.group_arn(call.scope, group.name)
    described: LogGroupMember = {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "storedBytes": group.stored_bytes,
        "logGroupClass": group.log_class,
        "logGroupArn": arn,
        "deletionProtectionEnabled": False,
    }
    if group.retention_days is not None:
        described["retentionInDays"] = group.retention_days
    return described
