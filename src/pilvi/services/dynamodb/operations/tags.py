"""Tags of tables."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.dynamodb import errors, limits, records, rules
from pilvi.services.dynamodb.errors import invalid_values
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import Table, find_table
from pilvi.services.dynamodb.wire import (
    ListTagsOfResourceInput,
    ListTagsOfResourceOutput,
    TagResourceInput,
    UntagResourceInput,
)
from pilvi.store.api import Snapshot, Transaction


@dynamodb.write("TagResource")
def tag_resource(call: Call, tx: Transaction, req: TagResourceInput) -> dict[str, object]:
    """Put tags on a table, over those of the same keys.

    Raises: ResourceNotFoundException, ValidationException.
    AWS: TagResource.
    """
    table = _tagged(call, tx, req["ResourceArn"])
    for tag in rules.drafted_tags(req["Tags"]):
        records.tags.put(tx, table.record.home, tag)
    if len(list(records.tags.scan(tx, table.record.home))) > limits.TAGS_MAX:
        raise invalid_values(f"Too many tags: a table has at most {limits.TAGS_MAX}")
    return {}


@dynamodb.write("UntagResource")
def untag_resource(call: Call, tx: Transaction, req: UntagResourceInput) -> dict[str, object]:
    """Take tags off a table; keys that it has not are passed over.

    Raises: ResourceNotFoundException.
    AWS: UntagResource.
    """
    table = _tagged(call, tx, req["ResourceArn"])
    for key in req["TagKeys"]:
        records.tags.delete(tx, table.record.home, key)
    return {}


@dynamodb.read("ListTagsOfResource")
def list_tags_of_resource(
    call: Call, at: Snapshot, req: ListTagsOfResourceInput
) -> ListTagsOfResourceOutput:
    """All tags of a table: they are few enough for one page.

    Raises: ResourceNotFoundException, ValidationException (a token, of which there are none).
    AWS: ListTagsOfResource.
    """
    if "NextToken" in req:
        raise invalid_values("Invalid NextToken")
    table = _tagged(call, at, req["ResourceArn"])
    found = records.tags.scan(at, table.record.home)
    return {"Tags": [{"Key": tag.key, "Value": tag.value} for tag in found]}


def _tagged(call: Call, at: Snapshot, arn: str) -> Table:
    if not arn.startswith("arn:"):
        raise invalid_values(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    table = find_table(at, call.scope, arn)
    if table is None:
        raise errors.ArnNotFound(arn=arn)
    return table
