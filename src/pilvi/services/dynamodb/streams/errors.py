"""Errors of streams, named by their AWS code."""

from __future__ import annotations

from pilvi.base.errors import AwsError
from pilvi.services.dynamodb.errors import ResourceNotFoundException


class StreamNotFound(ResourceNotFoundException):
    message = "Requested resource not found: Stream: {arn} not found"


class ShardNotFound(ResourceNotFoundException):
    message = "Requested resource not found: Shard: {shard} in stream: {arn} not found"


class TrimmedDataAccessException(AwsError):
    code = "TrimmedDataAccessException"
    message = "The operation attempted to read past the oldest stream record in a shard."


class ExpiredIteratorException(AwsError):
    code = "ExpiredIteratorException"
    message = "The provided iterator exceeds the maximum age allowed."
