"""Tags of functions."""

from __future__ import annotations

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.lambda_ import access, errors, records, rules
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    ListTagsRequest,
    ListTagsResponse,
    TagResourceRequest,
    UntagResourceRequest,
)
from pilvi.store.api import Snapshot, Transaction


@lambda_.write("TagResource")
def tag_resource(call: Call, tx: Transaction, req: TagResourceRequest) -> dict[str, object]:
    """Raises: ResourceNotFoundException, InvalidParameterValueException, NotBuilt. AWS: TagResource."""
    tags = dict(req["Tags"].items())
    if not tags:
        raise errors.InvalidParameterValueException(
            detail="An error occurred and the request cannot be processed."
        )
    name = _tagged(call, req["Resource"])
    function = records.get_function(tx, name)
    merged = {**function.tags, **tags}
    rules.check_tags(merged)
    records.put_function(tx, name.scope, msgspec.structs.replace(function, tags=merged))
    return {}


@lambda_.write("UntagResource")
def untag_resource(call: Call, tx: Transaction, req: UntagResourceRequest) -> dict[str, object]:
    """Raises: ResourceNotFoundException, NotBuilt. AWS: UntagResource."""
    name = _tagged(call, req["Resource"])
    function = records.get_function(tx, name)
    gone = set(req["TagKeys"])
    left = {key: value for key, value in function.tags.items() if key not in gone}
    records.put_function(tx, name.scope, msgspec.structs.replace(function, tags=left))
    return {}


@lambda_.read("ListTags")
def list_tags(call: Call, at: Snapshot, req: ListTagsRequest) -> ListTagsResponse:
    """Raises: ResourceNotFoundException, NotBuilt. AWS: ListTags."""
    return {"Tags": records.get_function(at, _tagged(call, req["Resource"])).tags}


def _tagged(call: Call, arn: str) -> FunctionName:
    kind = arn.split(":")[5] if arn.count(":") >= 5 else ""
    if kind != "function":
        raise NotBuilt(what=f"tags of Lambda's resource {arn}")
    name = access.function_named(call, arn)
    if name.qualifier is not None:
        raise errors.InvalidParameterValueException(
            detail="Tags on function aliases and versions are not supported."
            " Please specify a function ARN."
        )
    return name
