"""What happens later in Organizations: accounts are created; requests and invitations are forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.contracts.roles import Roles
from pilvi.services.organizations import records
from pilvi.services.organizations.records import (
    ADDRESSES,
    EVERYWHERE,
    HANDSHAKES,
    REQUESTS,
    Account,
)
from pilvi.services.organizations.service import organizations

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud
    from pilvi.services.organizations.records import Organization, Request
    from pilvi.store.api import Snapshot, Transaction


def _bury(job: Job, reason: str) -> Commit:
    """The account is not there for good; the request says so, and the log why."""

    def commit(tx: Transaction) -> None:
        found = _find(tx, job)
        if found is not None:
            _fail(tx, *found, "INTERNAL_FAILURE", None)

    return commit


@organizations.job("create_account", bury=_bury)
async def create_account(cloud: Cloud, job: Job) -> Commit | None:
    """Make the account's role, then the account. Run again, it finds the role made or the request over."""
    found = await cloud.store.read(lambda at: _find(at, job))
    if found is None:
        return None
    organization, request = found
    taken = await cloud.store.read(lambda at: _is_taken(at, request))
    if not taken:
        await cloud.ask(Roles).put_administrator(
            account=request.account, name=request.role_name, trusted=organization.management
        )
    now_ms = cloud.clock.now_ms()

    def commit(tx: Transaction) -> None:
        found = _find(tx, job)
        if found is not None:
            _create(tx, *found, now_ms)

    return commit


@organizations.job("forget_request")
async def forget_request(cloud: Cloud, job: Job) -> Commit:
    def commit(tx: Transaction) -> None:
        organization = records.find_organization(tx, job.account)
        if organization is not None:
            id = msgspec.msgpack.decode(job.payload, type=str)
            REQUESTS.delete(tx, organization.home, id)

    return commit


@organizations.job("forget_handshake")
async def forget_handshake(cloud: Cloud, job: Job) -> Commit:
    def commit(tx: Transaction) -> None:
        id = msgspec.msgpack.decode(job.payload, type=str)
        HANDSHAKES.delete(tx, EVERYWHERE, id)

    return commit


def _find(at: Snapshot, job: Job) -> tuple[Organization, Request] | None:
    """A request that is still to be done; None when it is over, or the organisation is."""
    organization = records.find_organization(at, job.account)
    if organization is None:
        return None
    id = msgspec.msgpack.decode(job.payload, type=str)
    request = REQUESTS.find(at, organization.home, id)
    if request is None or request.state != "IN_PROGRESS":
        return None
    return organization, request


def _is_taken(at: Snapshot, request: Request) -> bool:
    return ADDRESSES.find(at, EVERYWHERE, request.email.lower()) is not None


def _create(tx: Transaction, organization: Organization, request: Request, now_ms: int) -> None:
    if _is_taken(tx, request):
        _fail(tx, organization, request, "EMAIL_ALREADY_EXISTS", now_ms)
        return
    ADDRESSES.put(tx, EVERYWHERE, records.Address(email=request.email, account=request.account))
    account = Account(
        id=request.account,
        name=request.name,
        email=request.email,
        parent=organization.root_id,
        joined="CREATED",
        joined_at_ms=now_ms,
        tags=request.tags,
    )
    records.put_account(tx, organization, account)
    over = msgspec.structs.replace(request, state="SUCCEEDED", completed_at_ms=now_ms)
    REQUESTS.put(tx, organization.home, over)


def _fail(
    tx: Transaction,
    organization: Organization,
    request: Request,
    failure: str,
    now_ms: int | None,
) -> None:
    over = msgspec.structs.replace(request, state="FAILED", completed_at_ms=now_ms, failure=failure)
    REQUESTS.put(tx, organization.home, over)
