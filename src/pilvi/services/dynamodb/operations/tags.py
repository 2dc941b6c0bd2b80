"""Tags of tables."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.dynamodb import errors, records, rules
from pilvi.services.dynamodb.errors import invalid, invalid_values
from pilvi.services.dynamodb.policies.records import find_place
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
    given = req["Tags"]
    if not given:
        raise invalid("Atleast one Tag needs to be provided as Input.")
    tags = rules.drafted_tags(given)
    table = _tagged(call, tx, req["ResourceArn"])
    for tag in tags:
        records.tags.put(tx, table.record.home, tag)
    rules.refuse_many_tags(sum(1 for _ in records.tags.scan(tx, table.record.home)))
    return {}


@dynamodb.write("UntagResource")
def untag_resource(call: Call, tx: Transaction, req: UntagResourceInput) -> dict[str, object]:
    """Take tags off a table; keys that it has not are passed over.

    Raises: ResourceNotFoundException.
    AWS: UntagResource.
    """
    names = req["TagKeys"]
    if not names:
        raise invalid("Atleast one Tag Key needs to be provided as Input.")
    table = _tagged(call, tx, req["ResourceArn"])
    for key in names:
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
    """Raises: ValidationException, ResourceNotFoundException."""
    if not arn.startswith("arn:"):
        raise invalid_values(f"ARNs must start with 'arn:': {arn}")
    place = find_place(arn)
    if place is None:
        raise invalid_values(f"Provided Arn is not a DynamoDB resource arn: {arn}")
    if "/index/" in arn:
        raise invalid_values(
            "Invalid resource arn provided, only table or stream is accepted. "
            f"Provided resource arn: {arn}"
        )
    if place.scope.region != call.region or place.scope.partition != call.scope.partition:
        raise invalid(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    table = find_table(at, call.scope, arn)
    if table is None:
        raise errors.ArnNotFound(arn=arn)
    return table
