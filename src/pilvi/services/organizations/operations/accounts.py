"""The accounts of an organisation: told of, moved, let go. How they come is in `creation.py` and `handshakes.py`."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.organizations import errors, pages, records, rules
from pilvi.services.organizations.records import ACCOUNTS, Account, Organization
from pilvi.services.organizations.service import organizations
from pilvi.services.organizations.wire import Account as AccountMember
from pilvi.services.organizations.wire import (
    DescribeAccountRequest,
    DescribeAccountResponse,
    ListAccountsForParentRequest,
    ListAccountsForParentResponse,
    ListAccountsRequest,
    ListAccountsResponse,
    MoveAccountRequest,
    RemoveAccountFromOrganizationRequest,
)
from pilvi.store.api import Snapshot, Transaction


@organizations.read("DescribeAccount")
def describe_account(
    call: Call, at: Snapshot, req: DescribeAccountRequest
) -> DescribeAccountResponse:
    """Raises: AccountNotFoundException."""
    organization = records.get_managed(at, call.account)
    account = records.get_account(at, organization, req["AccountId"])
    return {"Account": _told(at, organization, account)}


@organizations.read("ListAccounts")
def list_accounts(call: Call, at: Snapshot, req: ListAccountsRequest) -> ListAccountsResponse:
    """All accounts, the management account among them, by id."""
    organization = records.get_managed(at, call.account)
    found = ACCOUNTS.scan(at, organization.home, after_key=pages.after(req))
    page, more = pages.cut(req, found, ACCOUNTS.key_of)
    return {"Accounts": [_told(at, organization, one) for one in page], **more}


@organizations.read("ListAccountsForParent")
def list_accounts_for_parent(
    call: Call, at: Snapshot, req: ListAccountsForParentRequest
) -> ListAccountsForParentResponse:
    """Those directly below. Raises: ParentNotFoundException."""
    organization, parent = records.get_managed(at, call.account), req["ParentId"]
    if not records.is_parent(at, organization, parent):
        raise errors.ParentNotFoundException()
    start = pages.after(req)
    behind = None if start is None else (parent, *start)
    found = ACCOUNTS.scan_index(at, organization.home, "parent", (parent,), after_entry=behind)
    page, more = pages.cut(req, found, ACCOUNTS.key_of)
    return {"Accounts": [_told(at, organization, one) for one in page], **more}


@organizations.write("MoveAccount")
def move_account(call: Call, tx: Transaction, req: MoveAccountRequest) -> None:
    """Put an account below another parent. What holds there holds for it from the next request on.

    Raises: AccountNotFoundException, SourceParentNotFoundException, DestinationParentNotFoundException,
        DuplicateAccountException.
    """
    organization = records.get_managed(tx, call.account)
    account = records.get_account(tx, organization, req["AccountId"])
    source, destination = req["SourceParentId"], req["DestinationParentId"]
    if account.parent != source:
        raise errors.SourceParentNotFoundException()
    if not records.is_parent(tx, organization, destination):
        raise errors.DestinationParentNotFoundException()
    if destination == source:
        raise errors.DuplicateAccountException()
    ACCOUNTS.put(tx, organization.home, msgspec.structs.replace(account, parent=destination))


@organizations.write("RemoveAccountFromOrganization")
def remove_account_from_organization(
    call: Call, tx: Transaction, req: RemoveAccountFromOrganizationRequest
) -> None:
    """Let a member account stand alone.

    Differs: AWS asks for the means of payment of an account that it created.

    Raises: AccountNotFoundException, MasterCannotLeaveOrganizationException.
    """
    organization = records.get_managed(tx, call.account)
    _leave(tx, organization, req["AccountId"])


@organizations.write("LeaveOrganization")
def leave_organization(call: Call, tx: Transaction, req: dict[str, object]) -> None:
    """The same, asked by the member itself.

    Raises: AWSOrganizationsNotInUseException, MasterCannotLeaveOrganizationException.
    """
    _leave(tx, records.get_organization(tx, call.account), call.account)


def _leave(tx: Transaction, organization: Organization, id: str) -> None:
    account = records.get_account(tx, organization, id)
    if account.id == organization.management:
        raise errors.MasterCannotLeaveOrganizationException()
    records.delete_account(tx, organization, account.id)


def _told(at: Snapshot, organization: Organization, account: Account) -> AccountMember:
    above = records.ancestry(at, organization, account.parent)
    return rules.told_account(organization, account, above)
