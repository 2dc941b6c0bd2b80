"""Invitations: how an account that is in use already joins. It must accept by itself."""

from __future__ import annotations

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.organizations import errors, limits, pages, records, rules
from pilvi.services.organizations.records import EVERYWHERE, HANDSHAKES, Account, Handshake
from pilvi.services.organizations.service import organizations
from pilvi.services.organizations.wire import (
    AcceptHandshakeRequest,
    AcceptHandshakeResponse,
    CancelHandshakeRequest,
    CancelHandshakeResponse,
    DeclineHandshakeRequest,
    DeclineHandshakeResponse,
    DescribeHandshakeRequest,
    DescribeHandshakeResponse,
    HandshakeResource,
    InviteAccountToOrganizationRequest,
    InviteAccountToOrganizationResponse,
    ListHandshakesForAccountRequest,
    ListHandshakesForAccountResponse,
    ListHandshakesForOrganizationRequest,
    ListHandshakesForOrganizationResponse,
)
from pilvi.services.organizations.wire import Handshake as HandshakeMember
from pilvi.store.api import Snapshot, Transaction


@organizations.write("InviteAccountToOrganization")
def invite_account_to_organization(
    call: Call, tx: Transaction, req: InviteAccountToOrganizationRequest
) -> InviteAccountToOrganizationResponse:
    """Invite an account by its twelve digits. The invitation is open for 15 days.

    Raises: DuplicateHandshakeException, HandshakeConstraintViolationException (ALREADY_IN_AN_ORGANIZATION,
        HANDSHAKE_RATE_LIMIT_EXCEEDED), ConstraintViolationException, InvalidInputException; NotBuilt for e-mail
        addresses: accounts have none.
    """
    organization = records.get_managed(tx, call.account)
    target = req["Target"]
    account, kind = target["Id"], target["Type"]
    if kind != "ACCOUNT":
        raise NotBuilt(what="invitations of accounts by e-mail address")
    if len(account) != 12 or not (account.isascii() and account.isdigit()):
        raise errors.InvalidInputException(
            reason="INVALID_PATTERN_TARGET_ID",
            detail="You provided a value that does not match the required pattern.",
        )
    if records.find_organization(tx, account) is not None:
        raise errors.HandshakeConstraintViolationException(
            reason="ALREADY_IN_AN_ORGANIZATION",
            detail="The provided account is already a member of an organization.",
        )
    known = records.handshakes_of(tx, organization)
    for one in known:
        if one.account == account and one.state_at(call.now_ms) == "OPEN":
            raise errors.DuplicateHandshakeException()
    if len(known) >= limits.HANDSHAKES_MAX:
        raise errors.HandshakeConstraintViolationException(
            reason="HANDSHAKE_RATE_LIMIT_EXCEEDED",
            detail="You have sent too many invitations.",
        )
    records.check_accounts(tx, organization, call.now_ms)
    handshake = Handshake(
        id=f"h-{call.entropy.lower(32)}",
        organization=organization.id,
        management=organization.management,
        account=account,
        requested_at_ms=call.now_ms,
        expires_at_ms=call.now_ms + limits.HANDSHAKE_OPEN_MS,
        notes=req.get("Notes", ""),
        tags=rules.tags_of(req.get("Tags", [])),
    )
    HANDSHAKES.put(tx, EVERYWHERE, handshake)
    records.schedule_forgetting(tx, handshake)
    return {"Handshake": _told(call, handshake)}


@organizations.write("AcceptHandshake")
def accept_handshake(
    call: Call, tx: Transaction, req: AcceptHandshakeRequest
) -> AcceptHandshakeResponse:
    """The invited account joins, below the root.

    Raises: HandshakeNotFoundException, AccessDeniedException (not the one who is invited),
        HandshakeAlreadyInStateException, InvalidHandshakeTransitionException,
        HandshakeConstraintViolationException (ALREADY_IN_AN_ORGANIZATION).
    """
    handshake = _open(call, tx, req["HandshakeId"], "ACCEPTED", by_invited=True)
    if records.find_organization(tx, call.account) is not None:
        raise errors.HandshakeConstraintViolationException(
            reason="ALREADY_IN_AN_ORGANIZATION",
            detail="The provided account is already a member of an organization.",
        )
    organization = records.find_organization(tx, handshake.management)
    if organization is None or organization.id != handshake.organization:
        raise errors.HandshakeNotFoundException()
    account = Account(
        id=call.account,
        name=call.account,
        email="",
        parent=organization.root_id,
        joined="INVITED",
        joined_at_ms=call.now_ms,
        tags=handshake.tags,
    )
    records.put_account(tx, organization, account)
    return {"Handshake": _end(call, tx, handshake, "ACCEPTED")}


@organizations.write("DeclineHandshake")
def decline_handshake(
    call: Call, tx: Transaction, req: DeclineHandshakeRequest
) -> DeclineHandshakeResponse:
    """Raises: as AcceptHandshake."""
    handshake = _open(call, tx, req["HandshakeId"], "DECLINED", by_invited=True)
    return {"Handshake": _end(call, tx, handshake, "DECLINED")}


@organizations.write("CancelHandshake")
def cancel_handshake(
    call: Call, tx: Transaction, req: CancelHandshakeRequest
) -> CancelHandshakeResponse:
    """By the account that has sent it. Raises: as AcceptHandshake."""
    handshake = _open(call, tx, req["HandshakeId"], "CANCELED", by_invited=False)
    return {"Handshake": _end(call, tx, handshake, "CANCELED")}


@organizations.read("DescribeHandshake")
def describe_handshake(
    call: Call, at: Snapshot, req: DescribeHandshakeRequest
) -> DescribeHandshakeResponse:
    """Raises: HandshakeNotFoundException, which is also what strangers are told."""
    return {"Handshake": _told(call, _get(call, at, req["HandshakeId"]))}


@organizations.read("ListHandshakesForAccount")
def list_handshakes_for_account(
    call: Call, at: Snapshot, req: ListHandshakesForAccountRequest
) -> ListHandshakesForAccountResponse:
    """Invitations to the caller's account."""
    page, more = _page(call, at, req, "account", call.account)
    return {"Handshakes": page, **more}


@organizations.read("ListHandshakesForOrganization")
def list_handshakes_for_organization(
    call: Call, at: Snapshot, req: ListHandshakesForOrganizationRequest
) -> ListHandshakesForOrganizationResponse:
    """Invitations that the caller's organisation has sent."""
    organization = records.get_managed(at, call.account)
    page, more = _page(call, at, req, "organization", organization.id)
    return {"Handshakes": page, **more}


def _page(
    call: Call,
    at: Snapshot,
    req: ListHandshakesForAccountRequest | ListHandshakesForOrganizationRequest,
    index: str,
    part: str,
) -> tuple[list[HandshakeMember], pages.More]:
    given = req.get("Filter", {})
    kind = given.get("ActionType", "INVITE")
    if "ParentHandshakeId" in given:
        raise NotBuilt(what="handshakes that belong to another")
    start = pages.after(req)
    behind = None if start is None else (part, *start)
    found = HANDSHAKES.scan_index(at, EVERYWHERE, index, (part,), after_entry=behind)
    chosen = (one for one in found if kind == "INVITE")
    page, more = pages.cut(req, chosen, HANDSHAKES.key_of)
    return [_told(call, one) for one in page], more


def _get(call: Call, at: Snapshot, id: str) -> Handshake:
    """One that the caller's account has a part in."""
    handshake = HANDSHAKES.find(at, EVERYWHERE, id)
    if handshake is None or call.account not in (handshake.account, handshake.management):
        raise errors.HandshakeNotFoundException()
    return handshake


def _open(call: Call, at: Snapshot, id: str, wanted: str, *, by_invited: bool) -> Handshake:
    """One that can still become `wanted`, by this account."""
    handshake = _get(call, at, id)
    if call.account != (handshake.account if by_invited else handshake.management):
        raise errors.AccessDeniedException()
    state = handshake.state_at(call.now_ms)
    if state == wanted:
        raise errors.HandshakeAlreadyInStateException()
    if state != "OPEN":
        raise errors.InvalidHandshakeTransitionException()
    return handshake


def _end(call: Call, tx: Transaction, handshake: Handshake, state: str) -> HandshakeMember:
    over = msgspec.structs.replace(handshake, state=state)
    HANDSHAKES.put(tx, EVERYWHERE, over)
    return _told(call, over)


def _told(call: Call, handshake: Handshake) -> HandshakeMember:
    resources: list[HandshakeResource] = [
        {
            "Type": "ORGANIZATION",
            "Value": handshake.organization,
            "Resources": [{"Type": "ORGANIZATION_FEATURE_SET", "Value": "ALL"}],
        },
        {"Type": "ACCOUNT", "Value": handshake.account},
    ]
    if handshake.notes:
        resources.append({"Type": "NOTES", "Value": handshake.notes})
    return {
        "Id": handshake.id,
        "Arn": rules.handshake_arn(handshake),
        "Parties": [
            {"Id": handshake.organization, "Type": "ORGANIZATION"},
            {"Id": handshake.account, "Type": "ACCOUNT"},
        ],
        "State": handshake.state_at(call.now_ms),
        "RequestedTimestamp": handshake.requested_at_ms,
        "ExpirationTimestamp": handshake.expires_at_ms,
        "Action": "INVITE",
        "Resources": resources,
    }
