"""Batches: what they may be made of, and how what failed is told.

AWS: SQS Developer Guide, "Amazon SQS batch actions".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pilvi.base.errors import AwsError
from pilvi.services.sqs import errors, limits
from pilvi.services.sqs.wire import BatchResultErrorEntry

_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def entries(req: Mapping[str, Any], kind: str) -> Sequence[Mapping[str, Any]]:
    """The entries of a batch. `kind`: as the model calls one.

    Raises: EmptyBatchRequest, TooManyEntriesInBatchRequest, InvalidBatchEntryId, BatchEntryIdsNotDistinct,
        MissingParameter.
    """
    found: Sequence[Mapping[str, Any]] = req.get("Entries") or ()
    if not found:
        raise errors.EmptyBatchRequest(entry=kind)
    if len(found) > limits.BATCH_ENTRIES_MAX:
        raise errors.TooManyEntriesInBatchRequest(most=limits.BATCH_ENTRIES_MAX, sent=len(found))
    seen: set[str] = set()
    for number, entry in enumerate(found, 1):
        id = entry.get("Id")
        if id is None:
            raise errors.MissingRequiredParameterException(name=f"{kind}.{number}.Id")
        if not _ID.fullmatch(id):
            raise errors.InvalidBatchEntryId()
    for entry in found:
        if entry["Id"] in seen:
            raise errors.BatchEntryIdsNotDistinct(id=entry["Id"])
        seen.add(entry["Id"])
    return found


def failed(id: str, error: AwsError) -> BatchResultErrorEntry:
    return {
        "Id": id,
        "SenderFault": error.status < 500,
        "Code": error.code,
        "Message": error.text,
    }


def result(successful: Sequence[Any], failures: Sequence[BatchResultErrorEntry]) -> dict[str, Any]:
    """Lists that are empty are left out."""
    told = {"Successful": list(successful), "Failed": list(failures)}
    return {name: value for name, value in told.items() if value}
