"""What event source mappings know of DynamoDB Streams: how to begin, whether a role may read, whether there is more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilvi.base.arn import Arn, Scope
from pilvi.base.errors import AwsError
from pilvi.contracts.causes import Cause
from pilvi.contracts.streams import ChangeStreams
from pilvi.identity.principal import Principal
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission, may
from pilvi.services.lambda_ import errors, names
from pilvi.services.lambda_.destinations.checks import check_destination
from pilvi.services.lambda_.mappings.changes import family, rules
from pilvi.services.lambda_.mappings.changes.records import ShardProgress
from pilvi.services.lambda_.mappings.changes.source import ChangesSource
from pilvi.services.lambda_.mappings.records import Mapping, Settings, mapping_home
from pilvi.services.lambda_.mappings.source import Kind, Polling

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


async def _open(polling: Polling) -> ChangesSource:
    """Raises: AwsError."""
    source = ChangesSource(polling)
    await source.open()
    return source


async def _check(call: Call, mapping: Mapping, timeout_s: int, role: Principal) -> None:
    """Whether the stream is there, the role may read it, and the destination can be told.

    Raises: InvalidParameterValueException, NotBuilt (destinations of services that do not exist yet).
    """
    arn = Arn.parse(mapping.source_arn)
    as_role = Call(
        cloud=call.cloud,
        service="dynamodbstreams",
        operation="DescribeStream",
        scope=Scope(arn.account, arn.region, arn.partition),
        principal=role,
        request_id=call.request_id,
        now_ms=call.now_ms,
    )
    stream = (mapping.source_arn,)
    for action, resources in (
        ("GetRecords", stream),
        ("GetShardIterator", stream),
        ("DescribeStream", stream),
        ("ListStreams", (*stream, "*")),  # on AWS policies that name the stream are good enough
    ):
        asked = [Permission(f"dynamodb:{action}", (one,)) for one in resources]
        if not any([await may(as_role, one) for one in asked]):
            raise _invalid(
                f"Cannot access stream {mapping.source_arn}. Please ensure the role can perform the"
                " GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your"
                " stream in IAM."
            )
    try:
        await call.cloud.perform(
            "dynamodbstreams",
            "DescribeStream",
            {"StreamArn": mapping.source_arn, "Limit": 1},
            scope=as_role.scope,
            principal=role,
            cause=Cause(call.request_id),
        )
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        raise _invalid(f"Stream not found: {mapping.source_arn}") from None
    await _check_destination(call, mapping, role)


async def _check_destination(call: Call, mapping: Mapping, role: Principal) -> None:
    destination = mapping.settings.on_failure
    if not destination:
        return
    if destination.split(":")[2:3] in (["lambda"], ["events"]):
        raise _invalid(f"The destination ARN {destination} is invalid.")
    name = names.parse_function(call.scope, mapping.function_arn)
    assert role.role_arn is not None, "it is the function's role that is asked"
    await check_destination(call, name, role.role_arn, destination)


def _invalid(detail: str) -> AwsError:
    return errors.InvalidParameterValueException(detail=detail)


async def _pending(cloud: Cloud, scope: Scope, mapping: Mapping) -> bool:
    """Whether there are records that were not read, or something's time has come."""
    home = mapping_home(scope, mapping.uuid)
    known = await cloud.store.read(lambda at: family.all_of(at, home))
    if not known:
        return True
    now_ms = cloud.clock.now_ms()
    behind: dict[str, str | None] = {}
    for shard in known.values():
        if shard.done:
            continue
        if _is_due(shard, mapping.settings, now_ms):
            return True
        if any(lane.due_ms for lane in shard.lanes):
            if not shard.ended:
                behind[shard.id] = shard.read or None
        else:
            ends = (lane.handled for lane in shard.lanes)
            behind[shard.id] = min(ends, key=rules.number_of) or None
    if not behind:
        return False
    streams = cloud.ask(ChangeStreams)
    return await streams.wait_for_more(mapping.source_arn, behind, timeout_s=0)


def _is_due(shard: ShardProgress, settings: Settings, now_ms: int) -> bool:
    for lane in shard.lanes:
        if 0 < lane.due_ms <= now_ms:
            return True
        window = None if lane.ranges else lane.window
        if window is not None and rules.end_of(lane, window, settings) <= now_ms:
            return True
    return False


KIND = Kind(open=_open, check=_check, pending=_pending)
