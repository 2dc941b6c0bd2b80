"""Temporary."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class CreateLogGroupRequest(TypedDict):
    logGroupName: str
    kmsKeyId: NotRequired[str]
    tags: NotRequired[dict[str, str]]
    logGroupClass: NotRequired[str]
    deletionProtectionEnabled: NotRequired[bool]


class DeleteLogGroupRequest(TypedDict):
    logGroupName: str


class DescribeLogGroupsRequest(TypedDict):
    accountIdentifiers: NotRequired[list[str]]
    logGroupNamePrefix: NotRequired[str]
    logGroupNamePattern: NotRequired[str]
    nextToken: NotRequired[str]
    limit: NotRequired[int]
    includeLinkedAccounts: NotRequired[bool]
    logGroupClass: NotRequired[str]
    logGroupIdentifiers: NotRequired[list[str]]


class LogGroup(TypedDict):
    logGroupName: NotRequired[str]
    creationTime: NotRequired[int]
    retentionInDays: NotRequired[int]
    metricFilterCount: NotRequired[int]
    arn: NotRequired[str]
    storedBytes: NotRequired[int]
    kmsKeyId: NotRequired[str]
    dataProtectionStatus: NotRequired[str]
    inheritedProperties: NotRequired[list[str]]
    logGroupClass: NotRequired[str]
    logGroupArn: NotRequired[str]
    deletionProtectionEnabled: NotRequired[bool]
    bearerTokenAuthenticationEnabled: NotRequired[bool]
    retentionPolicyName: NotRequired[str]


class DescribeLogGroupsResponse(TypedDict):
    logGroups: NotRequired[list[LogGroup]]
    nextToken: NotRequired[str]


class CreateLogStreamRequest(TypedDict):
    logGroupName: str
    logStreamName: str


class DeleteLogStreamRequest(TypedDict):
    logGroupName: str
    logStreamName: str


class DescribeLogStreamsRequest(TypedDict):
    logGroupName: NotRequired[str]
    logGroupIdentifier: NotRequired[str]
    logStreamNamePrefix: NotRequired[str]
    orderBy: NotRequired[str]
    descending: NotRequired[bool]
    nextToken: NotRequired[str]
    limit: NotRequired[int]


class LogStream(TypedDict):
    logStreamName: NotRequired[str]
    creationTime: NotRequired[int]
    firstEventTimestamp: NotRequired[int]
    lastEventTimestamp: NotRequired[int]
    lastIngestionTime: NotRequired[int]
    uploadSequenceToken: NotRequired[str]
    arn: NotRequired[str]
    storedBytes: NotRequired[int]


class DescribeLogStreamsResponse(TypedDict):
    logStreams: NotRequired[list[LogStream]]
    nextToken: NotRequired[str]


class InputLogEvent(TypedDict):
    timestamp: int
    message: str


class Entity(TypedDict):
    keyAttributes: NotRequired[dict[str, str]]
    attributes: NotRequired[dict[str, str]]


class PutLogEventsRequest(TypedDict):
    logGroupName: str
    logStreamName: str
    logEvents: list[InputLogEvent]
    sequenceToken: NotRequired[str]
    entity: NotRequired[Entity]


class RejectedLogEventsInfo(TypedDict):
    tooNewLogEventStartIndex: NotRequired[int]
    tooOldLogEventEndIndex: NotRequired[int]
    expiredLogEventEndIndex: NotRequired[int]


class RejectedEntityInfo(TypedDict):
    errorType: str


class PutLogEventsResponse(TypedDict):
    nextSequenceToken: NotRequired[str]
    rejectedLogEventsInfo: NotRequired[RejectedLogEventsInfo]
    rejectedEntityInfo: NotRequired[RejectedEntityInfo]


class GetLogEventsRequest(TypedDict):
    logGroupName: NotRequired[str]
    logGroupIdentifier: NotRequired[str]
    logStreamName: str
    startTime: NotRequired[int]
    endTime: NotRequired[int]
    nextToken: NotRequired[str]
    limit: NotRequired[int]
    startFromHead: NotRequired[bool]
    unmask: NotRequired[bool]


class OutputLogEvent(TypedDict):
    timestamp: NotRequired[int]
    message: NotRequired[str]
    ingestionTime: NotRequired[int]


class GetLogEventsResponse(TypedDict):
    events: NotRequired[list[OutputLogEvent]]
    nextForwardToken: NotRequired[str]
    nextBackwardToken: NotRequired[str]


class FilterLogEventsRequest(TypedDict):
    logGroupName: NotRequired[str]
    logGroupIdentifier: NotRequired[str]
    logStreamNames: NotRequired[list[str]]
    logStreamNamePrefix: NotRequired[str]
    startTime: NotRequired[int]
    endTime: NotRequired[int]
    filterPattern: NotRequired[str]
    nextToken: NotRequired[str]
    limit: NotRequired[int]
    startFromHead: NotRequired[bool]
    interleaved: NotRequired[bool]
    unmask: NotRequired[bool]


class FilteredLogEvent(TypedDict):
    logStreamName: NotRequired[str]
    timestamp: NotRequired[int]
    message: NotRequired[str]
    ingestionTime: NotRequired[int]
    eventId: NotRequired[str]


class SearchedLogStream(TypedDict):
    logStreamName: NotRequired[str]
    searchedCompletely: NotRequired[bool]


class FilterLogEventsResponse(TypedDict):
    events: NotRequired[list[FilteredLogEvent]]
    searchedLogStreams: NotRequired[list[SearchedLogStream]]
    nextToken: NotRequired[str]


class PutRetentionPolicyRequest(TypedDict):
    logGroupName: str
    retentionInDays: int


class DeleteRetentionPolicyRequest(TypedDict):
    logGroupName: str


class TagResourceRequest(TypedDict):
    resourceArn: str
    tags: dict[str, str]


class UntagResourceRequest(TypedDict):
    resourceArn: str
    tagKeys: list[str]


class ListTagsForResourceRequest(TypedDict):
    resourceArn: str


class ListTagsForResourceResponse(TypedDict):
    tags: NotRequired[dict[str, str]]


class TagLogGroupRequest(TypedDict):
    logGroupName: str
    tags: dict[str, str]


class UntagLogGroupRequest(TypedDict):
    logGroupName: str
    tags: list[str]


class ListTagsLogGroupRequest(TypedDict):
    logGroupName: str


class ListTagsLogGroupResponse(TypedDict):
    tags: NotRequired[dict[str, str]]
