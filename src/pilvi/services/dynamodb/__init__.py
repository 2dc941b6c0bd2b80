"""DynamoDB. Loading the package registers its operations and workers."""

from pilvi.services.dynamodb import backing_up as _backing_up
from pilvi.services.dynamodb import operations as operations
from pilvi.services.dynamodb import replicating as replicating
from pilvi.services.dynamodb import transfers as _transfers
from pilvi.services.dynamodb import workers as workers
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.streams import destinations as _destinations
from pilvi.services.dynamodb.streams import operations as _stream_operations
from pilvi.services.dynamodb.streams import workers as _stream_workers
from pilvi.services.dynamodb.streams.service import dynamodbstreams

__all__ = [
    "_backing_up",
    "_destinations",
    "_stream_operations",
    "_stream_workers",
    "_transfers",
    "dynamodb",
    "dynamodbstreams",
]
