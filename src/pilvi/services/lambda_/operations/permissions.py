"""Resource policies: who else may invoke a function."""

from __future__ import annotations

import orjson

from pilvi.kit.call import Call
from pilvi.services.lambda_ import access, errors, limits, names, policy, records
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.records import Policy
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    AddPermissionRequest,
    AddPermissionResponse,
    GetPolicyRequest,
    GetPolicyResponse,
    RemovePermissionRequest,
)
from pilvi.store.api import Snapshot, Transaction


@lambda_.write("AddPermission")
def add_permission(call: Call, tx: Transaction, req: AddPermissionRequest) -> AddPermissionResponse:
    """Add a statement to a function's resource policy.

    Raises: ResourceNotFoundException, ResourceConflictException (statement id),
        InvalidParameterValueException, PreconditionFailedException, PolicyLengthExceededException.
    AWS: AddPermission.
    """
    name = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    if name.qualifier == names.LATEST:
        raise errors.InvalidParameterValueException(
            detail="We currently do not support adding policies for $LATEST."
        )
    _check_qualifier(tx, name)
    old = records.find_policy(tx, name) or Policy(name.qualifier or "", (), "")
    _check_revision(req.get("RevisionId"), old)
    statement = policy.make_statement(req, name.asked_arn, partition=name.scope.partition)
    if any(one["Sid"] == statement["Sid"] for one in old.statements):
        raise errors.ResourceConflictException(
            detail=f"The statement id ({statement['Sid']}) provided already exists."
            " Please provide a new statement id, or remove the existing statement."
        )
    statements = (*old.statements, statement)
    size = len(policy.document(statements))
    if size > limits.POLICY_BYTES_MAX:
        raise errors.PolicyLengthExceededException(size=size, limit=limits.POLICY_BYTES_MAX)
    ids = policy.ids_with(call, tx, old.ids, statement)
    _put(call, tx, name, Policy(old.qualifier, statements, call.entropy.uuid(), ids))
    return {"Statement": orjson.dumps(statement).decode()}


@lambda_.read("GetPolicy")
def get_policy(call: Call, at: Snapshot, req: GetPolicyRequest) -> GetPolicyResponse:
    """Raises: ResourceNotFoundException, also for a function without a policy. AWS: GetPolicy."""
    name = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    found = records.find_policy(at, name)
    if found is None:
        raise errors.NoSuchResource()
    return {"Policy": policy.document(found.statements), "RevisionId": found.revision_id}


@lambda_.write("RemovePermission")
def remove_permission(
    call: Call, tx: Transaction, req: RemovePermissionRequest
) -> dict[str, object]:
    """Raises: ResourceNotFoundException, PreconditionFailedException. AWS: RemovePermission."""
    name = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    if records.functions.find(tx, records.home(name.scope), name.name) is None:
        raise errors.ResourceNotFoundException(detail=f"No policy found for: {name.asked_arn}")
    _check_qualifier(tx, name)
    old = records.find_policy(tx, name)
    if old is None:
        raise errors.ResourceNotFoundException(
            detail="No policy is associated with the given resource."
        )
    left = tuple(one for one in old.statements if one["Sid"] != req["StatementId"])
    if len(left) == len(old.statements):
        raise errors.ResourceNotFoundException(
            detail=f"Statement {req['StatementId']} is not found in resource policy."
        )
    _check_revision(req.get("RevisionId"), old)
    if left:
        ids = {sid: one for sid, one in old.ids.items() if sid != req["StatementId"]}
        _put(call, tx, name, Policy(old.qualifier, left, call.entropy.uuid(), ids))
    else:
        home = records.function_home(name.scope, name.name)
        records.policies.delete(tx, home, old.qualifier)
    return {}


def _put(call: Call, tx: Transaction, name: FunctionName, changed: Policy) -> None:
    records.policies.put(tx, records.function_home(name.scope, name.name), changed)


def _check_revision(asked: str | None, old: Policy) -> None:
    if asked is not None and asked != old.revision_id:
        raise errors.PreconditionFailedException(operation="GetPolicy")


def _check_qualifier(at: Snapshot, name: FunctionName) -> None:
    """Raises: ResourceNotFoundException, which for an alias has words of its own."""
    records.get_function(at, name)
    qualifier = name.qualifier
    if qualifier is None or qualifier.isdecimal() or "$" in qualifier:
        records.resolve(at, name)
    elif records.aliases.find(at, records.function_home(name.scope, name.name), qualifier) is None:
        raise errors.ResourceNotFoundException(detail=f"Cannot find alias arn: {name.asked_arn}")
