"""STS: who am I, and temporary credentials. Trust policies are asked in the permission step."""

from __future__ import annotations

from pilvi.contracts.credentials import Credential
from pilvi.identity.principal import Principal
from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, records, rules, tokens
from pilvi.services.iam.service import sts
from pilvi.services.iam.wire import (
    AssumeRoleRequest,
    AssumeRoleResponse,
    Credentials,
    GetAccessKeyInfoRequest,
    GetAccessKeyInfoResponse,
    GetCallerIdentityRequest,
    GetCallerIdentityResponse,
    GetSessionTokenRequest,
    GetSessionTokenResponse,
)
from pilvi.store.api import Snapshot, Transaction


@sts.read("GetCallerIdentity")
def get_caller_identity(
    call: Call, at: Snapshot, req: GetCallerIdentityRequest
) -> GetCallerIdentityResponse:
    """Tell who signed the request."""
    principal = call.principal
    return {"UserId": principal.id, "Account": principal.account, "Arn": principal.arn}


@sts.write("AssumeRole")
def assume_role(call: Call, tx: Transaction, req: AssumeRoleRequest) -> AssumeRoleResponse:
    """Issue temporary credentials of a role that exists, in whichever account.

    Raises: AccessDenied (no such role), ValidationError (ARN, duration beyond the role's or beyond one
        hour when a role's session assumes a role).
    AWS: AssumeRole; IAM User Guide, "Methods to assume a role".
    Differs: the root user may assume roles, for in the open mode everybody is root.
    """
    arn = rules.parse_role_arn(req["RoleArn"])
    role = records.find_role(tx, arn.scope, arn.resource.rpartition("/")[2])
    if role is None or records.arn_of(arn.scope, "role", role) != str(arn):
        raise errors.not_authorized(call.principal.arn, "sts:AssumeRole", str(arn))
    duration_s = req.get("DurationSeconds", limits.ROLE_SESSION_S_DEFAULT)
    _check_role_duration(call.principal, role, duration_s)
    credential = tokens.issue(
        tx,
        call.entropy,
        tokens.role_session(arn.scope, role, req["RoleSessionName"]),
        now_ms=call.now_ms,
        duration_s=duration_s,
    )
    return {
        "Credentials": _told(credential),
        "AssumedRoleUser": {
            "AssumedRoleId": credential.principal_id,
            "Arn": credential.principal_arn,
        },
    }


def _check_role_duration(caller: Principal, role: records.Role, duration_s: int) -> None:
    if duration_s > role.session_s_max:
        raise errors.ValidationError(
            detail="The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    if caller.is_session and duration_s > limits.CHAINED_SESSION_S_MAX:
        raise errors.ValidationError(
            detail="The requested DurationSeconds exceeds the 1 hour session limit for roles assumed"
            " by role chaining"
        )


@sts.write("GetSessionToken")
def get_session_token(
    call: Call, tx: Transaction, req: GetSessionTokenRequest
) -> GetSessionTokenResponse:
    """Issue temporary credentials of the caller itself: a user, or root (for one hour at most).

    Raises: AccessDenied for callers that hold temporary credentials already.
    """
    caller = call.principal
    if caller.session_expires_at_ms is not None:
        raise errors.AccessDenied(detail="Cannot call GetSessionToken with session credentials")
    duration_s = req.get("DurationSeconds", limits.USER_SESSION_S_DEFAULT)
    if caller.is_root:
        duration_s = min(duration_s, limits.ROOT_SESSION_S_MAX)
    holder = tokens.Holder(caller.account, caller.arn, caller.id)
    credential = tokens.issue(tx, call.entropy, holder, now_ms=call.now_ms, duration_s=duration_s)
    return {"Credentials": _told(credential)}


@sts.read("GetAccessKeyInfo")
def get_access_key_info(
    call: Call, at: Snapshot, req: GetAccessKeyInfoRequest
) -> GetAccessKeyInfoResponse:
    """Tell which account a key id names; whether there is such a key does not matter.

    Raises: ValidationError for a text of another form.
    """
    account = rules.account_of_key(req["AccessKeyId"])
    if account is None:
        raise errors.ValidationError(detail=f"{req['AccessKeyId']} is not a valid access key id")
    return {"Account": account}


def _told(credential: Credential) -> Credentials:
    assert credential.session_token is not None
    assert credential.expires_at_ms is not None
    return {
        "AccessKeyId": credential.access_key_id,
        "SecretAccessKey": credential.secret_access_key,
        "SessionToken": credential.session_token,
        "Expiration": credential.expires_at_ms,
    }
