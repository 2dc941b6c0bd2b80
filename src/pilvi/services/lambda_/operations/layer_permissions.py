"""Resource policies of layer versions: which other accounts may use them."""

from __future__ import annotations

import msgspec
import orjson

from pilvi.kit.call import Call
from pilvi.services.lambda_ import errors, limits, names, policy, records
from pilvi.services.lambda_.names import LayerName
from pilvi.services.lambda_.operations import layers
from pilvi.services.lambda_.records import LayerPolicy
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    AddLayerVersionPermissionRequest,
    AddLayerVersionPermissionResponse,
    GetLayerVersionPolicyRequest,
    GetLayerVersionPolicyResponse,
    RemoveLayerVersionPermissionRequest,
)
from pilvi.store.api import Snapshot, Transaction


@lambda_.write("AddLayerVersionPermission")
def add_layer_version_permission(
    call: Call, tx: Transaction, req: AddLayerVersionPermissionRequest
) -> AddLayerVersionPermissionResponse:
    """Let others read a layer version, and use it in their functions.

    Raises: ResourceNotFoundException, ResourceConflictException (statement id), PreconditionFailedException,
        InvalidParameterValueException (an organisation for one account), PolicyLengthExceededException.
    AWS: AddLayerVersionPermission.
    """
    name = _existing(call, tx, req["LayerName"], req["VersionNumber"])
    old = records.find_layer_policy(tx, name) or LayerPolicy(_number(name), (), "")
    _check_revision(req.get("RevisionId"), old)
    if req.get("OrganizationId") is not None and req["Principal"] != "*":
        raise errors.InvalidParameterValueException(
            detail="Principal must be * when an organization ID is given."
        )
    statement = policy.make_layer_statement(req, name.version_arn, partition=name.scope.partition)
    if any(one["Sid"] == statement["Sid"] for one in old.statements):
        raise errors.ResourceConflictException(
            detail=f"The statement id ({statement['Sid']}) provided already exists."
            " Please provide a new statement id, or remove the existing statement."
        )
    ids = policy.ids_with(call, tx, old.ids, statement)
    changed = _put(call, tx, name, old, (*old.statements, statement), ids)
    return {"Statement": orjson.dumps(statement).decode(), "RevisionId": changed.revision_id}


@lambda_.read("GetLayerVersionPolicy")
def get_layer_version_policy(
    call: Call, at: Snapshot, req: GetLayerVersionPolicyRequest
) -> GetLayerVersionPolicyResponse:
    """Raises: ResourceNotFoundException. AWS: GetLayerVersionPolicy."""
    found = _get(at, _existing(call, at, req["LayerName"], req["VersionNumber"]))
    return {"Policy": policy.document(found.statements), "RevisionId": found.revision_id}


@lambda_.write("RemoveLayerVersionPermission")
def remove_layer_version_permission(
    call: Call, tx: Transaction, req: RemoveLayerVersionPermissionRequest
) -> dict[str, object]:
    """Functions that use the layer version keep it.

    Raises: ResourceNotFoundException, PreconditionFailedException. AWS: RemoveLayerVersionPermission.
    """
    name = _existing(call, tx, req["LayerName"], req["VersionNumber"])
    old = _get(tx, name)
    left = tuple(one for one in old.statements if one["Sid"] != req["StatementId"])
    if len(left) == len(old.statements):
        raise errors.ResourceNotFoundException(
            detail=f"Statement {req['StatementId']} is not found in resource policy."
        )
    _check_revision(req.get("RevisionId"), old)
    if left:
        ids = {sid: one for sid, one in old.ids.items() if sid != req["StatementId"]}
        _put(call, tx, name, old, left, ids)
    else:
        home = records.layer_home(name.scope, name.name)
        records.layer_policies.delete(tx, home, old.version)
    return {}


def _existing(call: Call, at: Snapshot, layer: str, version: int) -> LayerName:
    """A layer version of the caller's account. Raises: LayerVersionNotFound."""
    own = names.parse_own_layer(call.scope, layer)
    name = LayerName(own.scope, own.name, layers.number(version))
    if records.find_layer_version(at, name) is None:
        raise errors.LayerVersionNotFound(arn=name.version_arn)
    return name


def _number(name: LayerName) -> int:
    assert name.version is not None
    return name.version


def _get(at: Snapshot, name: LayerName) -> LayerPolicy:
    found = records.find_layer_policy(at, name)
    if found is None:
        raise errors.ResourceNotFoundException(
            detail="No policy is associated with the given resource."
        )
    return found


def _check_revision(asked: str | None, old: LayerPolicy) -> None:
    if asked is not None and asked != old.revision_id:
        raise errors.PreconditionFailedException(operation="GetLayerPolicy")


def _put(
    call: Call,
    tx: Transaction,
    name: LayerName,
    old: LayerPolicy,
    statements: tuple[dict[str, object], ...],
    ids: dict[str, str],
) -> LayerPolicy:
    """Raises: PolicyLengthExceededException."""
    size = len(policy.document(statements))
    if size > limits.POLICY_BYTES_MAX:
        raise errors.PolicyLengthExceededException(size=size, limit=limits.POLICY_BYTES_MAX)
    changed = msgspec.structs.replace(
        old, statements=statements, ids=ids, revision_id=call.entropy.uuid()
    )
    records.layer_policies.put(tx, records.layer_home(name.scope, name.name), changed)
    return changed
