"""New accounts: a request is answered at once and done by a job (`workers.py`)."""

from __future__ import annotations

import msgspec

from pilvi.base.arn import GLOBAL_REGION
from pilvi.contracts.jobs import Job
from pilvi.kit.call import Call
from pilvi.services.organizations import errors, limits, pages, records, rules
from pilvi.services.organizations.records import REQUESTS, Organization, Request
from pilvi.services.organizations.service import organizations
from pilvi.services.organizations.wire import (
    CreateAccountRequest,
    CreateAccountResponse,
    CreateAccountStatus,
    DescribeCreateAccountStatusRequest,
    DescribeCreateAccountStatusResponse,
    ListCreateAccountStatusRequest,
    ListCreateAccountStatusResponse,
)
from pilvi.store.api import Snapshot, Transaction

ROLE_NAME = "OrganizationAccountAccessRole"


@organizations.write("CreateAccount")
def create_account(call: Call, tx: Transaction, req: CreateAccountRequest) -> CreateAccountResponse:
    """Ask for a new member account, below the root, with a role that the management account may assume.

    Raises: ConstraintViolationException (ACCOUNT_NUMBER_LIMIT_EXCEEDED), InvalidInputException (tags).
    """
    organization = records.get_managed(tx, call.account)
    records.check_accounts(tx, organization, call.now_ms)
    request = Request(
        id=f"car-{call.entropy.lower(32)}",
        account=_unused_account(call, tx),
        name=req["AccountName"],
        email=req["Email"],
        role_name=req.get("RoleName", ROLE_NAME),
        requested_at_ms=call.now_ms,
        tags=rules.tags_of(req.get("Tags", [])),
    )
    REQUESTS.put(tx, organization.home, request)
    payload = msgspec.msgpack.encode(request.id)
    for what, due_ms in (
        ("create_account", call.now_ms),
        ("forget_request", call.now_ms + limits.REQUEST_TOLD_MS),
    ):
        job = Job(kind=f"organizations.{what}", payload=payload, account=call.account)
        tx.at(due_ms, job)
    return {"CreateAccountStatus": _told(request)}


@organizations.read("DescribeCreateAccountStatus")
def describe_create_account_status(
    call: Call, at: Snapshot, req: DescribeCreateAccountStatusRequest
) -> DescribeCreateAccountStatusResponse:
    """Raises: CreateAccountStatusNotFoundException."""
    organization = records.get_managed(at, call.account)
    request = REQUESTS.find(at, organization.home, req["CreateAccountRequestId"])
    if request is None:
        raise errors.CreateAccountStatusNotFoundException()
    return {"CreateAccountStatus": _told(request)}


@organizations.read("ListCreateAccountStatus")
def list_create_account_status(
    call: Call, at: Snapshot, req: ListCreateAccountStatusRequest
) -> ListCreateAccountStatusResponse:
    """Requests in the states asked for, or in any."""
    organization: Organization = records.get_managed(at, call.account)
    states = list(req.get("States", []))
    found = REQUESTS.scan(at, organization.home, after_key=pages.after(req))
    chosen = (one for one in found if not states or one.state in states)
    page, more = pages.cut(req, chosen, REQUESTS.key_of)
    return {"CreateAccountStatuses": [_told(one) for one in page], **more}


def _unused_account(call: Call, tx: Transaction) -> str:
    """Twelve digits, the first not 0, of no account that is in an organisation."""
    while True:
        account = str(10**11 + call.entropy.below(9 * 10**11))
        if records.MEMBERS.find(tx, (account, GLOBAL_REGION)) is None:
            return account


def _told(request: Request) -> CreateAccountStatus:
    told: CreateAccountStatus = {
        "Id": request.id,
        "AccountName": request.name,
        "State": request.state,
        "RequestedTimestamp": request.requested_at_ms,
    }
    if request.completed_at_ms is not None:
        told["CompletedTimestamp"] = request.completed_at_ms
    if request.state == "SUCCEEDED":
        told["AccountId"] = request.account
    if request.failure:
        told["FailureReason"] = request.failure
    return told
