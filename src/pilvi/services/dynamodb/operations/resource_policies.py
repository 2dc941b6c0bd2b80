"""Resource policies: put, get and delete.

Differs: a policy holds from its commit on, and may be changed again at once, where AWS wants fifteen seconds between
two changes; principals must look like principals, but need not exist.
AWS: DynamoDB Developer Guide, "Using resource-based policies for DynamoDB".
"""

from __future__ import annotations

from typing import NamedTuple

from pilvi.contracts.principals import Principals
from pilvi.identity import authorise
from pilvi.identity.permissions import OnResource, PermissionsOf, RequestContext, roots
from pilvi.kit.call import Call
from pilvi.languages.policy import RESOURCE, Verdict, principals_named
from pilvi.services.dynamodb.errors import NotTheOwner, TableNotFound, invalid_values
from pilvi.services.dynamodb.policies import access, records, rules
from pilvi.services.dynamodb.policies.errors import (
    AccessDeniedException,
    PolicyNotFoundException,
    StreamOfTableNotFound,
)
from pilvi.services.dynamodb.policies.records import Place, PolicyRecord
from pilvi.services.dynamodb.records import scope_home
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.streams.records import streams
from pilvi.services.dynamodb.tables import find_table
from pilvi.services.dynamodb.wire import (
    DeleteResourcePolicyInput,
    DeleteResourcePolicyOutput,
    GetResourcePolicyInput,
    GetResourcePolicyOutput,
    PutResourcePolicyInput,
    PutResourcePolicyOutput,
)
from pilvi.store.api import Snapshot, Transaction


class Found(NamedTuple):
    place: Place
    policy: PolicyRecord | None


@dynamodb.write("PutResourcePolicy")
def put_resource_policy(
    call: Call, tx: Transaction, req: PutResourcePolicyInput
) -> PutResourcePolicyOutput:
    """Give a table or a stream a policy in the place of any other. The same policy again keeps its revision.

    Raises: ResourceNotFoundException, PolicyNotFoundException (another revision is there than expected),
        AccessDeniedException (the caller could not change it any more, and did not confirm that), ValidationException.
    AWS: PutResourcePolicy.
    """
    place, current = _found(call, tx, req["ResourceArn"])
    text = rules.checked(req["Policy"], place)
    rules.check_revision(current, req.get("ExpectedRevisionId"), place.table)
    if not req.get("ConfirmRemoveSelfResourceAccess", False):
        _refuse_locking_out(call, text, place)
    return {"RevisionId": put_policy(call, tx, place, text, current).revision}


def put_policy(
    call: Call, tx: Transaction, place: Place, text: str, current: PolicyRecord | None = None
) -> PolicyRecord:
    """`text`: one that was checked. Revisions grow, also while the clock stands."""
    ids = call.ask(Principals).ids_of(tx, principals_named(text, RESOURCE))
    revision = str(call.now_ms)
    if current is not None:
        same = current.text == text
        revision = current.revision if same else str(max(call.now_ms, int(current.revision) + 1))
    policy = PolicyRecord(place.table, place.label or "", text, revision, ids)
    records.policies.put(tx, scope_home(place.scope), policy)
    return policy


@dynamodb.read("GetResourcePolicy")
def get_resource_policy(
    call: Call, at: Snapshot, req: GetResourcePolicyInput
) -> GetResourcePolicyOutput:
    """Raises: ResourceNotFoundException, PolicyNotFoundException, ValidationException. AWS: GetResourcePolicy."""
    place, policy = _found(call, at, req["ResourceArn"])
    if policy is None:
        raise PolicyNotFoundException(detail=place.arn)
    return {"Policy": policy.text, "RevisionId": policy.revision}


@dynamodb.write("DeleteResourcePolicy")
def delete_resource_policy(
    call: Call, tx: Transaction, req: DeleteResourcePolicyInput
) -> DeleteResourcePolicyOutput:
    """Answers the revision that is gone; nothing where there was none.

    Raises: ResourceNotFoundException, PolicyNotFoundException, ValidationException.
    AWS: DeleteResourcePolicy.
    """
    place, policy = _found(call, tx, req["ResourceArn"])
    rules.check_revision(policy, req.get("ExpectedRevisionId"), place.table)
    if policy is None:
        return {}
    records.drop_policy(tx, place)
    return {"RevisionId": policy.revision}


def _found(call: Call, at: Snapshot, arn: str) -> Found:
    """The table or the stream of the caller's account that an ARN names, and its policy.

    Raises: ValidationException, ResourceNotFoundException.
    """
    if not arn.startswith("arn:"):
        raise invalid_values(f"ARNs must start with 'arn:': {arn}")
    place = records.find_place(arn)
    if place is None:
        raise invalid_values(f"Provided Arn is not a DynamoDB resource arn: {arn}")
    if "/index/" in arn:
        raise invalid_values(
            "Invalid resource arn provided, only table or stream is accepted. "
            f"Provided resource arn: {arn}"
        )
    if place.scope.region != call.region or place.scope.partition != call.scope.partition:
        raise invalid_values(f"Invalid resource Arn: {arn}")
    if place.scope.account != call.account:
        raise NotTheOwner()
    if find_table(at, call.scope, place.table) is None and place.label is None:
        raise TableNotFound(table=place.table)
    home = scope_home(place.scope)
    if place.label is not None and streams.find(at, home, place.table, place.label) is None:
        raise StreamOfTableNotFound(label=place.label, table=place.table)
    return Found(place, records.find_policy(at, place))


def _refuse_locking_out(call: Call, text: str, place: Place) -> None:
    """The caller is asked as it stands; what the policy would say of later requests may differ by their conditions.

    Raises: AccessDeniedException.
    """
    principal = call.principal
    if principal.is_root or principal.made_up:
        permissions = roots(principal)
    else:
        permissions = call.ask(PermissionsOf).known(principal)
    if permissions is None:
        return  # permissions are switched off
    action = "dynamodb:PutResourcePolicy"
    side = OnResource(place.scope.account, (access.readable(text, place.arn, {}),))
    context = RequestContext(
        principal,
        permissions,
        call.now_ms,
        call.region,
        call.request,
        place.scope.account,
        action,
        {},
        dynamodb.known_keys,
    )
    policies = authorise.applying(permissions, side)
    _, _, decision = authorise.judge(permissions, policies, action, place.arn, context, side)
    if decision.verdict is Verdict.EXPLICIT_DENY:
        raise AccessDeniedException()
