"""Grants: permissions for a key that are given and taken one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.principals import Principals
from pilvi.kit.call import Call
from pilvi.services.kms import errors, limits, pages, records
from pilvi.services.kms.keyring import Keyring
from pilvi.services.kms.operations.dry_runs import end_dry_run
from pilvi.services.kms.records import Grant, Key
from pilvi.services.kms.rules import grants, names, states, tokens
from pilvi.services.kms.rules.specs import SYMMETRIC
from pilvi.services.kms.service import kms
from pilvi.services.kms.wire import (
    CreateGrantRequest,
    CreateGrantResponse,
    GrantConstraints,
    GrantListEntry,
    ListGrantsRequest,
    ListGrantsResponse,
    ListRetirableGrantsRequest,
    RetireGrantRequest,
    RevokeGrantRequest,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import Key as StoreKey


@kms.write("CreateGrant")
def create_grant(call: Call, tx: Transaction, req: CreateGrantRequest) -> CreateGrantResponse:
    """Let a principal use a key in some ways. It holds at once; the token is only needed to retire it by.

    The same request with a Name gives the grant that is there already, with another token.
    Differs: that is then its only token.

    Raises: NotFoundException, DisabledException, KMSInvalidStateException, ValidationException, InvalidArnException,
        LimitExceededException, DryRunOperationException. AWS: CreateGrant.
    """
    ring = Keyring.of(call)
    key = ring.get_by_id(tx, req["KeyId"], "CreateGrant")
    ring.require(key, states.USABLE)
    token = tokens.make(key, call.entropy)
    draft = _draft(call, key, req, token)
    named = [arn for arn in (draft.grantee, draft.retiring) if arn is not None]
    draft = msgspec.structs.replace(draft, ids=call.ask(Principals).ids_of(tx, named))
    end_dry_run(req)
    same = _find_same(tx, key, draft)
    if same is not None:
        draft = msgspec.structs.replace(same, token=draft.token)
    elif key.grants >= limits.GRANTS_OF_KEY_MAX:
        raise errors.LimitExceededException(
            detail=f"A key has at most {limits.GRANTS_OF_KEY_MAX} grants."
        )
    else:
        records.put_key(tx, msgspec.structs.replace(key, grants=key.grants + 1))
    records.put_grant(tx, key, draft)
    return {"GrantToken": token, "GrantId": draft.id}


def _draft(call: Call, key: Key, req: CreateGrantRequest, token: str) -> Grant:
    grantee, service = req.get("GranteePrincipal"), req.get("GranteeServicePrincipal")
    if (grantee is None) == (service is None):
        raise errors.ValidationException(
            detail="A grant has either a GranteePrincipal or a GranteeServicePrincipal."
        )
    retiring, retiring_service = (
        req.get("RetiringPrincipal"),
        req.get("RetiringServicePrincipal"),
    )
    if retiring is not None and retiring_service is not None:
        raise errors.ValidationException(
            detail="A grant has a RetiringPrincipal or a RetiringServicePrincipal, not both."
        )
    for arn in (grantee, retiring):
        if arn is not None:
            _check_principal(arn)
    operations = tuple(dict.fromkeys(req["Operations"]))
    grants.check_operations(key.arn, key.usage, operations)
    grants.check_constraints(
        grants.limits_asked(req),
        for_service=service is not None,
        retirable=retiring is not None or retiring_service is not None,
        symmetric=key.spec == SYMMETRIC,
    )
    constraints: GrantConstraints = req.get("Constraints", {})
    subset = constraints.get("EncryptionContextSubset")
    equals = constraints.get("EncryptionContextEquals")
    return Grant(
        key_id=key.id,
        id=call.entropy.hex(64),
        token=tokens.digest(token),
        created_ms=call.now_ms,
        operations=operations,
        grantee=grantee,
        grantee_service=service,
        retiring=retiring,
        retiring_service=retiring_service,
        name=req.get("Name", ""),
        issuing_account=names.root_arn(call.scope),
        context_subset=None if subset is None else dict(subset.items()),
        context_equals=None if equals is None else dict(equals.items()),
        source_arn=constraints.get("SourceArn"),
    )


def _check_principal(arn: str) -> None:
    """Raises: InvalidArnException."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] not in ("iam", "sts"):
        raise errors.InvalidArnException(text=arn)


def _find_same(at: Snapshot, key: Key, draft: Grant) -> Grant | None:
    """A named grant that says the same: creating it again gives it again."""
    if not draft.name:
        return None

    def said(grant: Grant) -> Grant:
        return msgspec.structs.replace(grant, id="", token=b"", created_ms=0)

    wanted = said(draft)
    named = records.grants.scan_index(at, records.home(key.scope), "name", (key.id, draft.name))
    return next((one for one in named if said(one) == wanted), None)


@kms.read("ListGrants")
def list_grants(call: Call, at: Snapshot, req: ListGrantsRequest) -> ListGrantsResponse:
    """Raises: NotFoundException, InvalidMarkerException. AWS: ListGrants."""
    key = Keyring.of(call).get_by_id(at, req["KeyId"], "ListGrants")
    start = pages.after_marker(req)
    wanted_id, grantee = req.get("GrantId"), req.get("GranteePrincipal")
    service = req.get("GranteeServicePrincipal")
    if wanted_id is not None:
        _get(at, key, wanted_id)
    found = records.grants.scan(
        at,
        records.home(key.scope),
        (key.id,),
        after_key=None if start is None else (key.id, *start),
    )
    fitting = (
        one
        for one in found
        if wanted_id in (None, one.id)
        and grantee in (None, one.grantee)
        and service in (None, one.grantee_service)
    )
    page, more = pages.cut(
        req,
        fitting,
        lambda grant: (grant.id,),
        default=limits.PAGE_FEW,
        most=limits.PAGE_FEW_MAX,
    )
    return {"Grants": _told(key.scope, page), **more}


@kms.read("ListRetirableGrants")
def list_retirable_grants(
    call: Call, at: Snapshot, req: ListRetirableGrantsRequest
) -> ListGrantsResponse:
    """Grants that a principal may retire, of keys of other accounts as well.

    Raises: ValidationException, InvalidMarkerException. AWS: ListRetirableGrants.
    """
    principal, service = req.get("RetiringPrincipal"), req.get("RetiringServicePrincipal")
    who = principal or service
    if who is None or (principal is not None and service is not None):
        raise errors.ValidationException(
            detail="Name either a RetiringPrincipal or a RetiringServicePrincipal."
        )
    start = pages.after_marker(req)
    if start is not None and len(start) != _PLACE_PARTS:
        raise errors.InvalidMarkerException(marker=req.get("Marker", ""))
    found = _retirable(call, at, who, principal is not None, start)
    page, more = pages.cut(req, found, _place, default=limits.PAGE_FEW, most=limits.PAGE_FEW_MAX)
    return {"Grants": [_entry(scope, grant) for scope, grant in page], **more}


def _retirable(
    call: Call, at: Snapshot, who: str, is_principal: bool, start: StoreKey | None
) -> Iterator[tuple[Scope, Grant]]:
    """Grants of the account's own keys, then those of others' that name a principal of it. `start`: see `_place`."""
    if start is None or start[0] == call.account:
        own = records.grants.scan_index(
            at,
            records.home(call.scope),
            "retiring" if is_principal else "retiring_service",
            (who,),
            after_entry=None if start is None else (who, *start[1:]),
        )
        yield from ((call.scope, grant) for grant in own)
        start = None
    foreign = records.retirables.scan(
        at,
        records.home(call.scope),
        (who,),
        after_key=None if start is None else (who, *start),
    )
    for one in foreign:
        scope = call.scope._replace(account=one.account)
        grant = records.grants.find(at, records.home(scope), one.key_id, one.grant_id)
        if grant is not None:
            yield scope, grant


_PLACE_PARTS = 3


def _place(found: tuple[Scope, Grant]) -> StoreKey:
    """Where a page ended."""
    scope, grant = found
    return (scope.account, grant.key_id, grant.id)


@kms.write("RetireGrant")
def retire_grant(call: Call, tx: Transaction, req: RetireGrantRequest) -> None:
    """End a grant, as one who is named in it (`access.py`): by its token, or by key ARN and grant id.

    Raises: NotFoundException, InvalidGrantTokenException, ValidationException, DryRunOperationException.
    AWS: RetireGrant.
    """
    ring = Keyring.of(call)
    token, key_id, grant_id = req.get("GrantToken"), req.get("KeyId"), req.get("GrantId")
    if token is not None and key_id is None and grant_id is None:
        arn = tokens.key_arn(token, call.scope)
        if arn is None:
            raise errors.InvalidGrantTokenException
        key = ring.get_by_id(tx, arn, "RetireGrant")
        grant = records.grant_by_token(tx, key, tokens.digest(token))
        if grant is None:
            raise errors.InvalidGrantTokenException
    elif token is None and key_id is not None and grant_id is not None:
        key = ring.get_by_id(tx, key_id, "RetireGrant")
        grant = _get(tx, key, grant_id)
    else:
        raise errors.ValidationException(
            detail="Name a grant by its GrantToken, or by KeyId and GrantId."
        )
    end_dry_run(req)
    _remove(tx, key, grant)


@kms.write("RevokeGrant")
def revoke_grant(call: Call, tx: Transaction, req: RevokeGrantRequest) -> None:
    """Raises: NotFoundException, DryRunOperationException. AWS: RevokeGrant."""
    key = Keyring.of(call).get_by_id(tx, req["KeyId"], "RevokeGrant")
    grant = _get(tx, key, req["GrantId"])
    end_dry_run(req)
    _remove(tx, key, grant)


def _get(at: Snapshot, key: Key, grant_id: str) -> Grant:
    grant = records.grants.find(at, records.home(key.scope), key.id, grant_id)
    if grant is None:
        raise errors.NotFoundException(detail=f"Grant ID {grant_id} not found")
    return grant


def _remove(tx: Transaction, key: Key, grant: Grant) -> None:
    records.delete_grant(tx, key, grant)
    records.put_key(tx, msgspec.structs.replace(key, grants=key.grants - 1))


def _told(scope: Scope, found: Iterable[Grant]) -> list[GrantListEntry]:
    """`scope`: of the keys that they are about."""
    return [_entry(scope, grant) for grant in found]


def _entry(scope: Scope, grant: Grant) -> GrantListEntry:
    told: GrantListEntry = {
        "KeyId": names.key_arn(scope, grant.key_id),
        "GrantId": grant.id,
        "Name": grant.name,
        "CreationDate": grant.created_ms,
        "IssuingAccount": grant.issuing_account,
        "Operations": list(grant.operations),
    }
    if grant.grantee is not None:
        told["GranteePrincipal"] = grant.grantee
    if grant.grantee_service is not None:
        told["GranteeServicePrincipal"] = grant.grantee_service
    if grant.retiring is not None:
        told["RetiringPrincipal"] = grant.retiring
    if grant.retiring_service is not None:
        told["RetiringServicePrincipal"] = grant.retiring_service
    constraints: GrantConstraints = {}
    if grant.context_subset is not None:
        constraints["EncryptionContextSubset"] = grant.context_subset
    if grant.context_equals is not None:
        constraints["EncryptionContextEquals"] = grant.context_equals
    if grant.source_arn is not None:
        constraints["SourceArn"] = grant.source_arn
    if constraints:
        told["Constraints"] = constraints
    return told
