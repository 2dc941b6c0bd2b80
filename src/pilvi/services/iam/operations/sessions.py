"""STS: who am I, and temporary credentials of a user or of root. Those of roles are in `assuming.py`."""

from __future__ import annotations

import msgspec

from pilvi.base.arn import Arn
from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, rules
from pilvi.services.iam.service import sts
from pilvi.services.iam.sessions import factors, passed, tokens
from pilvi.services.iam.wire import (
    GetAccessKeyInfoRequest,
    GetAccessKeyInfoResponse,
    GetCallerIdentityRequest,
    GetCallerIdentityResponse,
    GetFederationTokenRequest,
    GetFederationTokenResponse,
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


@sts.write("GetSessionToken")
def get_session_token(
    call: Call, tx: Transaction, req: GetSessionTokenRequest
) -> GetSessionTokenResponse:
    """Issue temporary credentials of the caller itself: a user, or root (for one hour at most).

    Raises: AccessDenied for callers that hold temporary credentials already, and for a wrong second factor.
    """
    caller = call.principal
    if caller.session is not None:
        raise errors.AccessDenied(detail="Cannot call GetSessionToken with session credentials")
    session = passed.Passed().session(caller, call.now_ms)
    if factors.use_up(call, tx, req):
        session = msgspec.structs.replace(session, mfa_at_ms=call.now_ms)
    credential = tokens.Issuer(call.cloud).session(
        tx,
        tokens.Holder(caller.account, caller.arn, caller.id),
        session,
        duration_s=_user_duration_s(call, req.get("DurationSeconds")),
    )
    return {"Credentials": tokens.told(credential)}


@sts.write("GetFederationToken")
def get_federation_token(
    call: Call, tx: Transaction, req: GetFederationTokenRequest
) -> GetFederationTokenResponse:
    """Issue temporary credentials for somebody whom the caller vouches for, under a name of their own.

    They may what both the caller's policies and the passed ones allow; without passed ones, nothing but what
    resources' policies grant them by name.
    Raises: AccessDenied (temporary credentials), MalformedPolicyDocument, PackedPolicyTooLarge, InvalidParameterValue.
    """
    caller = call.principal
    if caller.session is not None:
        raise errors.AccessDenied(detail="Cannot call GetFederationToken with session credentials")
    with_it = passed.read_passed(
        tx,
        call.scope,
        caller,
        policy=req.get("Policy"),
        policy_arns=req.get("PolicyArns", ()),
        tags=req.get("Tags", ()),
    )
    name = req["Name"]
    arn = Arn("sts", "", caller.account, f"federated-user/{name}", call.scope.partition)
    holder = tokens.Holder(caller.account, str(arn), f"{caller.account}:{name}")
    session = with_it.session(caller, call.now_ms)
    credential = tokens.Issuer(call.cloud).session(
        tx,
        holder,
        msgspec.structs.replace(session, issuer_arn=caller.arn, issuer_id=caller.id),
        duration_s=_user_duration_s(call, req.get("DurationSeconds")),
    )
    return {
        "Credentials": tokens.told(credential),
        "FederatedUser": {"FederatedUserId": holder.id, "Arn": holder.arn},
        "PackedPolicySize": with_it.packed_percent or 0,
    }


def _user_duration_s(call: Call, asked_s: int | None) -> int:
    """Root's sessions last one hour at most, whatever is asked."""
    duration_s = limits.USER_SESSION_S_DEFAULT if asked_s is None else asked_s
    return min(duration_s, limits.ROOT_SESSION_S_MAX) if call.principal.is_root else duration_s


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
