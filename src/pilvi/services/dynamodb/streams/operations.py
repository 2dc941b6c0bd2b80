"""The operations of DynamoDB Streams."""

from __future__ import annotations

from itertools import islice

from pilvi.kit.call import Call
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.health import tell_health
from pilvi.services.dynamodb.records import scope_home
from pilvi.services.dynamodb.streams import errors, iterators, limits, records
from pilvi.services.dynamodb.streams.iterators import Iterator
from pilvi.services.dynamodb.streams.reading import (
    begin_of,
    get_shard,
    get_stream,
    number_in,
    position_of,
    shown,
)
from pilvi.services.dynamodb.streams.records import ShardRecord, StreamRecord
from pilvi.services.dynamodb.streams.service import dynamodbstreams
from pilvi.services.dynamodb.wire_streams import (
    DescribeStreamInput,
    DescribeStreamOutput,
    GetRecordsInput,
    GetRecordsOutput,
    GetShardIteratorInput,
    GetShardIteratorOutput,
    ListStreamsInput,
    ListStreamsOutput,
    Shard,
)
from pilvi.store.api import Snapshot

dynamodbstreams.endpoint("health")(tell_health)


@dynamodbstreams.read("ListStreams")
def list_streams(call: Call, at: Snapshot, req: ListStreamsInput) -> ListStreamsOutput:
    """Name the streams of a region, or of one table, a page at a time: also those disabled less than a day ago.

    Raises: ValidationException, ResourceNotFoundException (where to go on).
    AWS: ListStreams.
    """
    limit = _limit(req.get("Limit"), limits.PAGE_MAX)
    table, start = req.get("TableName"), req.get("ExclusiveStartStreamArn")
    after = None
    if start is not None:
        if start.split(":", 5)[4:5] not in ([], [call.account]):
            raise errors.StreamNotFound(arn=start)
        last = get_stream(at, call.scope, start)
        if table is not None and last.table != table:
            raise invalid("Invalid ExclusiveStartStreamArn")
        after = (last.table, last.label)
    found = list(
        records.streams.scan(
            at,
            scope_home(call.scope),
            () if table is None else (table,),
            after_key=after,
            limit=limit + 1,
        )
    )
    result: ListStreamsOutput = {
        "Streams": [
            {"StreamArn": one.arn, "TableName": one.table, "StreamLabel": one.label}
            for one in found[:limit]
        ]
    }
    if len(found) > limit:
        result["LastEvaluatedStreamArn"] = found[limit - 1].arn
    return result


@dynamodbstreams.read("DescribeStream")
def describe_stream(call: Call, at: Snapshot, req: DescribeStreamInput) -> DescribeStreamOutput:
    """Describe a stream and its shards, parents before their children, a page at a time.

    Raises: ResourceNotFoundException, ValidationException.
    AWS: DescribeStream.
    """
    limit = _limit(req.get("Limit"), limits.PAGE_MAX)
    stream = get_stream(at, call.scope, req["StreamArn"])
    start, only = req.get("ExclusiveStartShardId"), req.get("ShardFilter")
    after = None
    if start is not None:
        number = number_in(start)
        if number is None:
            raise errors.ShardNotFound(shard=start, arn=stream.arn)
        after = (number,)
    found = list(records.shards.scan(at, stream.home, after_key=after, limit=limit + 1))
    if only is not None:
        if only.get("Type") is None or only.get("ShardId") is None:
            raise invalid("ShardFilter must have a Type and a ShardId")
        found = [
            child
            for child in _child(at, stream, only.get("ShardId", ""))
            if after is None or child.number > after[0]
        ]
    result: DescribeStreamOutput = {
        "StreamDescription": {
            "StreamArn": stream.arn,
            "StreamLabel": stream.label,
            "StreamStatus": "ENABLED" if stream.disabled_at_ms is None else "DISABLED",
            "StreamViewType": stream.view,
            "CreationRequestDateTime": stream.created_at_ms,
            "TableName": stream.table,
            "KeySchema": [{"AttributeName": stream.hash_key, "KeyType": "HASH"}],
            "Shards": [_described(stream, shard) for shard in found[:limit]],
        }
    }
    description = result["StreamDescription"]
    if stream.range_key is not None:
        description["KeySchema"].append({"AttributeName": stream.range_key, "KeyType": "RANGE"})
    if len(found) > limit:
        description["LastEvaluatedShardId"] = found[limit - 1].id
    return result


def _child(at: Snapshot, stream: StreamRecord, parent_id: str) -> list[ShardRecord]:
    """Here a shard has one child at most, once it is closed."""
    number = number_in(parent_id)
    if number is None:
        return []
    child = records.shards.find(at, stream.home, number + stream.lanes)
    return [] if child is None or child.parent != parent_id else [child]


def _described(stream: StreamRecord, shard: ShardRecord) -> Shard:
    lane = shard.number % stream.lanes
    result: Shard = {
        "ShardId": shard.id,
        "SequenceNumberRange": {"StartingSequenceNumber": records.sequence_of(lane, shard.first)},
    }
    if shard.last is not None:
        numbers = result["SequenceNumberRange"]
        numbers["EndingSequenceNumber"] = records.sequence_of(lane, max(shard.first, shard.last))
    if shard.parent is not None:
        result["ParentShardId"] = shard.parent
    return result


@dynamodbstreams.read("GetShardIterator")
def get_shard_iterator(
    call: Call, at: Snapshot, req: GetShardIteratorInput
) -> GetShardIteratorOutput:
    """Give an iterator, good for fifteen minutes, that begins where it is asked to.

    Raises: ResourceNotFoundException, TrimmedDataAccessException, ValidationException.
    AWS: GetShardIterator.
    """
    stream = get_stream(at, call.scope, req["StreamArn"])
    shard = get_shard(at, stream, req["ShardId"])
    number = position_of(at, stream, shard, req, call.now_ms)
    return {"ShardIterator": Iterator(stream.arn, shard.number, number, call.now_ms).text}


@dynamodbstreams.read("GetRecords")
def get_records(call: Call, at: Snapshot, req: GetRecordsInput) -> GetRecordsOutput:
    """Give the records that follow, up to a thousand or 1 MB; and no iterator behind the end of a closed shard.

    Raises: ExpiredIteratorException, TrimmedDataAccessException, ResourceNotFoundException, ValidationException.
    AWS: GetRecords.
    """
    limit = _limit(req.get("Limit"), limits.RECORDS_MAX)
    iterator = iterators.parse(req["ShardIterator"])
    stream = get_stream(at, call.scope, iterator.arn)
    if call.now_ms - iterator.at_ms > limits.ITERATOR_LIFE_MS:
        raise errors.ExpiredIteratorException()
    shard = records.shards.find(at, stream.home, iterator.shard)
    if shard is None or iterator.number < begin_of(at, stream, shard, call.now_ms):
        raise errors.TrimmedDataAccessException()
    number, size = iterator.number, 0
    result: GetRecordsOutput = {"Records": []}
    changes = records.changes.scan(
        at, stream.home, (shard.number,), after_key=(shard.number, number - 1)
    )
    for change in islice(changes, limit):
        size += change.size
        if size > limits.PAGE_BYTES_MAX and result["Records"]:
            break
        result["Records"].append(shown(stream, change))
        number = change.number + 1
    if shard.last is None or number <= shard.last:
        following = Iterator(stream.arn, shard.number, number, call.now_ms)
        result["NextShardIterator"] = following.text
    return result


def _limit(given: int | None, most: int) -> int:
    """Raises: ValidationException."""
    if given is None:
        return most
    if given > most:
        raise invalid(
            f"1 validation error detected: Value '{given}' at 'limit' failed to satisfy constraint: "
            f"Member must have value less than or equal to {most}"
        )
    return given
