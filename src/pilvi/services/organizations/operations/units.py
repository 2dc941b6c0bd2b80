"""Organizational units, and the tree that they and the accounts make."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.kit.call import Call
from pilvi.services.organizations import errors, limits, pages, records, rules
from pilvi.services.organizations.records import ACCOUNTS, UNITS, Organization, Unit
from pilvi.services.organizations.service import organizations
from pilvi.services.organizations.wire import (
    CreateOrganizationalUnitRequest,
    CreateOrganizationalUnitResponse,
    DeleteOrganizationalUnitRequest,
    DescribeOrganizationalUnitRequest,
    DescribeOrganizationalUnitResponse,
    ListChildrenRequest,
    ListChildrenResponse,
    ListOrganizationalUnitsForParentRequest,
    ListOrganizationalUnitsForParentResponse,
    ListParentsRequest,
    ListParentsResponse,
    OrganizationalUnit,
    UpdateOrganizationalUnitRequest,
    UpdateOrganizationalUnitResponse,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import Key


@organizations.write("CreateOrganizationalUnit")
def create_organizational_unit(
    call: Call, tx: Transaction, req: CreateOrganizationalUnitRequest
) -> CreateOrganizationalUnitResponse:
    """Add a unit below the root or another unit, at most five deep.

    Raises: ParentNotFoundException, DuplicateOrganizationalUnitException, ConstraintViolationException.
    """
    organization = records.get_managed(tx, call.account)
    parent = _parent(tx, organization, req["ParentId"])
    _check_free(tx, organization, parent, req["Name"])
    if len(records.ancestry(tx, organization, parent)) > limits.DEPTH_MAX:
        raise errors.ConstraintViolationException(
            reason="OU_DEPTH_LIMIT_EXCEEDED",
            detail="You have exceeded the number of organizational unit levels.",
        )
    if UNITS.count(tx, organization.home, limit=limits.UNITS_MAX) >= limits.UNITS_MAX:
        raise errors.ConstraintViolationException(
            reason="OU_NUMBER_LIMIT_EXCEEDED",
            detail="You have exceeded the number of organizational units allowed.",
        )
    unit = Unit(
        id=f"ou-{organization.root_id.removeprefix('r-')}-{call.entropy.lower(8)}",
        name=req["Name"],
        parent=parent,
        tags=rules.tags_of(req.get("Tags", [])),
    )
    UNITS.put(tx, organization.home, unit)
    records.attach_defaults(tx, organization, unit.id)
    return {"OrganizationalUnit": _told(tx, organization, unit)}


@organizations.read("DescribeOrganizationalUnit")
def describe_organizational_unit(
    call: Call, at: Snapshot, req: DescribeOrganizationalUnitRequest
) -> DescribeOrganizationalUnitResponse:
    """Raises: OrganizationalUnitNotFoundException."""
    organization = records.get_managed(at, call.account)
    unit = _get(at, organization, req["OrganizationalUnitId"])
    return {"OrganizationalUnit": _told(at, organization, unit)}


@organizations.write("UpdateOrganizationalUnit")
def update_organizational_unit(
    call: Call, tx: Transaction, req: UpdateOrganizationalUnitRequest
) -> UpdateOrganizationalUnitResponse:
    """Rename a unit.

    Raises: OrganizationalUnitNotFoundException, DuplicateOrganizationalUnitException.
    """
    organization = records.get_managed(tx, call.account)
    unit = _get(tx, organization, req["OrganizationalUnitId"])
    name = req.get("Name", unit.name)
    if name != unit.name:
        _check_free(tx, organization, unit.parent, name)
    unit = msgspec.structs.replace(unit, name=name)
    UNITS.put(tx, organization.home, unit)
    return {"OrganizationalUnit": _told(tx, organization, unit)}


@organizations.write("DeleteOrganizationalUnit")
def delete_organizational_unit(
    call: Call, tx: Transaction, req: DeleteOrganizationalUnitRequest
) -> None:
    """Remove a unit without accounts and units below it.

    Raises: OrganizationalUnitNotFoundException, OrganizationalUnitNotEmptyException.
    """
    organization = records.get_managed(tx, call.account)
    unit = _get(tx, organization, req["OrganizationalUnitId"])
    for collection in (UNITS, ACCOUNTS):
        below = collection.scan_index(tx, organization.home, "parent", (unit.id,), limit=1)
        if next(iter(below), None) is not None:
            raise errors.OrganizationalUnitNotEmptyException()
    records.detach_all(tx, organization, unit.id)
    UNITS.delete(tx, organization.home, unit.id)


@organizations.read("ListOrganizationalUnitsForParent")
def list_organizational_units_for_parent(
    call: Call, at: Snapshot, req: ListOrganizationalUnitsForParentRequest
) -> ListOrganizationalUnitsForParentResponse:
    """Those directly below. Raises: ParentNotFoundException."""
    organization = records.get_managed(at, call.account)
    parent = _parent(at, organization, req["ParentId"])
    found = _units_below(at, organization, parent, pages.after(req))
    page, more = pages.cut(req, found, UNITS.key_of)
    return {"OrganizationalUnits": [_told(at, organization, one) for one in page], **more}


@organizations.read("ListChildren")
def list_children(call: Call, at: Snapshot, req: ListChildrenRequest) -> ListChildrenResponse:
    """Ids of the units or of the accounts directly below. Raises: ParentNotFoundException."""
    organization = records.get_managed(at, call.account)
    parent, kind = _parent(at, organization, req["ParentId"]), req["ChildType"]
    collection = UNITS if kind == "ORGANIZATIONAL_UNIT" else ACCOUNTS
    start = pages.after(req)
    found = collection.scan_index(
        at,
        organization.home,
        "parent",
        (parent,),
        after_entry=None if start is None else (parent, *start),
    )
    page, more = pages.cut(req, (one.id for one in found), lambda id: (id,))
    return {"Children": [{"Id": id, "Type": kind} for id in page], **more}


@organizations.read("ListParents")
def list_parents(call: Call, at: Snapshot, req: ListParentsRequest) -> ListParentsResponse:
    """What a unit or an account is directly below: always one. Raises: ChildNotFoundException."""
    req.get("MaxResults")
    req.get("NextToken")
    organization, id = records.get_managed(at, call.account), req["ChildId"]
    found = records.find_unit(at, organization, id) or records.find_account(at, organization, id)
    if found is None:
        raise errors.ChildNotFoundException()
    is_root = found.parent == organization.root_id
    return {"Parents": [{"Id": found.parent, "Type": "ROOT" if is_root else "ORGANIZATIONAL_UNIT"}]}


def _get(at: Snapshot, organization: Organization, id: str) -> Unit:
    unit = records.find_unit(at, organization, id)
    if unit is None:
        raise errors.OrganizationalUnitNotFoundException()
    return unit


def _parent(at: Snapshot, organization: Organization, id: str) -> str:
    if not records.is_parent(at, organization, id):
        raise errors.ParentNotFoundException()
    return id


def _units_below(
    at: Snapshot, organization: Organization, parent: str, start: Key | None = None
) -> Iterator[Unit]:
    behind = None if start is None else (parent, *start)
    return UNITS.scan_index(at, organization.home, "parent", (parent,), after_entry=behind)


def _check_free(at: Snapshot, organization: Organization, parent: str, name: str) -> None:
    if any(one.name == name for one in _units_below(at, organization, parent)):
        raise errors.DuplicateOrganizationalUnitException()


def _told(at: Snapshot, organization: Organization, unit: Unit) -> OrganizationalUnit:
    return rules.told_unit(organization, unit, records.ancestry(at, organization, unit.parent))
