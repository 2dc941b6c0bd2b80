"""Tags of functions, and of whatever else of Lambda's has them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.lambda_ import access, code_signing, errors, records, rules
from pilvi.services.lambda_.mappings.api import TaggedMappings
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    ListTagsRequest,
    ListTagsResponse,
    TagResourceRequest,
    UntagResourceRequest,
)
from pilvi.store.api import Snapshot, Transaction


class Holder(Protocol):
    """A kind of resource that has tags. Both raise: ResourceNotFoundException."""

    @abstractmethod
    def get(self, call: Call, at: Snapshot, arn: str) -> dict[str, str]: ...

    @abstractmethod
    def put(self, call: Call, tx: Transaction, arn: str, tags: dict[str, str]) -> None: ...


@lambda_.write("TagResource")
def tag_resource(call: Call, tx: Transaction, req: TagResourceRequest) -> dict[str, object]:
    """Raises: ResourceNotFoundException, InvalidParameterValueException, NotBuilt. AWS: TagResource."""
    tags = dict(req["Tags"].items())
    if not tags:
        raise errors.InvalidParameterValueException(
            detail="An error occurred and the request cannot be processed."
        )
    arn = req["Resource"]
    holder = _holder(arn)
    merged = {**holder.get(call, tx, arn), **tags}
    rules.check_tags(merged)
    holder.put(call, tx, arn, merged)
    return {}


@lambda_.write("UntagResource")
def untag_resource(call: Call, tx: Transaction, req: UntagResourceRequest) -> dict[str, object]:
    """Raises: ResourceNotFoundException, NotBuilt. AWS: UntagResource."""
    arn, gone = req["Resource"], set(req["TagKeys"])
    holder = _holder(arn)
    left = {key: value for key, value in holder.get(call, tx, arn).items() if key not in gone}
    holder.put(call, tx, arn, left)
    return {}


@lambda_.read("ListTags")
def list_tags(call: Call, at: Snapshot, req: ListTagsRequest) -> ListTagsResponse:
    """Raises: ResourceNotFoundException, NotBuilt. AWS: ListTags."""
    arn = req["Resource"]
    return {"Tags": _holder(arn).get(call, at, arn)}


def _holder(arn: str) -> Holder:
    """Raises: NotBuilt."""
    kind = arn.split(":")[5] if arn.count(":") >= 5 else ""
    holder = HOLDERS.get(kind)
    if holder is None:
        raise NotBuilt(what=f"tags of Lambda's resource {arn}")
    return holder


# --- who has tags


class _Functions:
    def get(self, call: Call, at: Snapshot, arn: str) -> dict[str, str]:
        return records.get_function(at, self._named(call, arn)).tags

    def put(self, call: Call, tx: Transaction, arn: str, tags: dict[str, str]) -> None:
        name = self._named(call, arn)
        function = records.get_function(tx, name)
        records.put_function(tx, name.scope, msgspec.structs.replace(function, tags=tags))

    def _named(self, call: Call, arn: str) -> FunctionName:
        name = access.function_named(call, arn)
        if name.qualifier is not None:
            raise errors.InvalidParameterValueException(
                detail="Tags on function aliases and versions are not supported."
                " Please specify a function ARN."
            )
        return name


class _SigningConfigs:
    def get(self, call: Call, at: Snapshot, arn: str) -> dict[str, str]:
        return code_signing.get(at, call.scope, arn).tags

    def put(self, call: Call, tx: Transaction, arn: str, tags: dict[str, str]) -> None:
        config = code_signing.get(tx, call.scope, arn)
        code_signing.put(tx, call.scope, msgspec.structs.replace(config, tags=tags))


class _CapacityProviders:
    """There are none."""

    def get(self, call: Call, at: Snapshot, arn: str) -> dict[str, str]:
        raise errors.ResourceNotFoundException(detail=f"Capacity provider not found: {arn}")

    def put(self, call: Call, tx: Transaction, arn: str, tags: dict[str, str]) -> None:
        raise errors.ResourceNotFoundException(detail=f"Capacity provider not found: {arn}")


HOLDERS: Mapping[str, Holder] = {
    "function": _Functions(),
    "code-signing-config": _SigningConfigs(),
    "capacity-provider": _CapacityProviders(),
    "event-source-mapping": TaggedMappings(),
}
"""By the word in their ARNs."""
