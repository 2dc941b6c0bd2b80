"""STS: temporary credentials of roles. Trust policies are asked in the permission step, before any of this."""

from __future__ import annotations

from pilvi.base.arn import Scope
from pilvi.contracts.credentials import Session
from pilvi.identity.principal import Principal
from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, records, rules
from pilvi.services.iam.permissions import find_role
from pilvi.services.iam.service import sts
from pilvi.services.iam.sessions import factors, passed, tokens
from pilvi.services.iam.sessions.passed import Passed
from pilvi.services.iam.sessions.tokens import Holder
from pilvi.services.iam.sessions.web_identity import WebIdentity
from pilvi.services.iam.wire import (
    AssumeRoleRequest,
    AssumeRoleResponse,
    AssumeRoleWithWebIdentityRequest,
    AssumeRoleWithWebIdentityResponse,
)
from pilvi.store.api import Transaction


@sts.write("AssumeRole")
def assume_role(call: Call, tx: Transaction, req: AssumeRoleRequest) -> AssumeRoleResponse:
    """Issue temporary credentials of a role that exists, in whichever account.

    Raises: AccessDenied (no such role), ValidationError (ARN, duration beyond the role's or beyond one
        hour when a role's session assumes a role), MalformedPolicyDocument, PackedPolicyTooLarge,
        InvalidParameterValue (tags).
    AWS: AssumeRole; IAM User Guide, "Methods to assume a role".
    Differs: the root user may assume roles, for in the open mode everybody is root.
    """
    caller = call.principal
    scope, role = _role(tx, caller, "sts:AssumeRole", req["RoleArn"])
    duration_s = req.get("DurationSeconds", limits.ROLE_SESSION_S_DEFAULT)
    _check_role_duration(caller, role, duration_s)
    with_it = passed.read_passed(
        tx,
        scope,
        caller,
        policy=req.get("Policy"),
        policy_arns=req.get("PolicyArns", ()),
        tags=req.get("Tags", ()),
        transitive=req.get("TransitiveTagKeys", ()),
        source_identity=req.get("SourceIdentity", ""),
    )
    factors.use_up(call, tx, req)  # the session itself does not tell of it, as on AWS
    session = with_it.session(caller, call.now_ms)
    holder = tokens.role_session(scope, role, req["RoleSessionName"])
    return _issue(call, tx, holder, session, with_it, duration_s)


@sts.write("AssumeRoleWithWebIdentity")
def assume_role_with_web_identity(
    call: Call, tx: Transaction, req: AssumeRoleWithWebIdentityRequest
) -> AssumeRoleWithWebIdentityResponse:
    """Issue temporary credentials of a role for somebody whom an identity provider's token vouches for.

    The token itself was verified before (`web_identity.prove`), and the role's trust policy asked.
    Raises: AccessDenied, ValidationError, MalformedPolicyDocument, PackedPolicyTooLarge, InvalidParameterValue.
    """
    identity = call.proof
    assert isinstance(identity, WebIdentity), "the token was verified in the permission step"
    req["WebIdentityToken"]
    scope, role = _role(tx, call.principal, "sts:AssumeRoleWithWebIdentity", req["RoleArn"])
    duration_s = req.get("DurationSeconds", limits.ROLE_SESSION_S_DEFAULT)
    _check_longest(role, duration_s)
    nobody = Principal("", "", "", authenticated=False)
    with_it = passed.read_passed(
        tx,
        scope,
        nobody,
        policy=req.get("Policy"),
        policy_arns=req.get("PolicyArns", ()),
        tags=[{"Key": key, "Value": value} for key, value in identity.tags.items()],
        transitive=identity.transitive,
        source_identity=identity.source_identity,
    )
    session = with_it.session(nobody, call.now_ms, provider=identity.provider)
    holder = tokens.role_session(scope, role, req["RoleSessionName"])
    return {
        **_issue(call, tx, holder, session, with_it, duration_s),
        "SubjectFromWebIdentityToken": identity.subject,
        "Provider": identity.provider,
        "Audience": identity.audience,
    }


def _issue(
    call: Call, tx: Transaction, holder: Holder, session: Session, with_it: Passed, duration_s: int
) -> AssumeRoleResponse:
    """What the answers of both have in common."""
    credential = tokens.Issuer(call.cloud).session(tx, holder, session, duration_s=duration_s)
    answer: AssumeRoleResponse = {
        "Credentials": tokens.told(credential),
        "AssumedRoleUser": {"AssumedRoleId": holder.id, "Arn": holder.arn},
    }
    if with_it.packed_percent is not None:
        answer["PackedPolicySize"] = with_it.packed_percent
    if session.source_identity:
        answer["SourceIdentity"] = session.source_identity
    return answer


def _role(
    tx: Transaction, caller: Principal, action: str, role_arn: str
) -> tuple[Scope, records.Role]:
    """It may have been deleted since its trust policy was asked. Raises: AccessDenied."""
    role = find_role(tx, role_arn)
    if role is None:
        raise errors.not_authorized(caller.arn, action, role_arn)
    return rules.parse_role_arn(role_arn).scope, role


def _check_role_duration(caller: Principal, role: records.Role, duration_s: int) -> None:
    _check_longest(role, duration_s)
    if caller.is_session and duration_s > limits.CHAINED_SESSION_S_MAX:
        raise errors.ValidationError(
            detail="The requested DurationSeconds exceeds the 1 hour session limit for roles assumed"
            " by role chaining"
        )


def _check_longest(role: records.Role, duration_s: int) -> None:
    if duration_s > role.session_s_max:
        raise errors.ValidationError(
            detail="The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
