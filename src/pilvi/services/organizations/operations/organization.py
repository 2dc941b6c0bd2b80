"""The organisation itself: made, told of, ended; its root, and the types of policy that hold in it."""

from __future__ import annotations

import msgspec

from pilvi.base.arn import GLOBAL_REGION
from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.organizations import errors, records, rules
from pilvi.services.organizations.records import Account, Organization
from pilvi.services.organizations.service import organizations
from pilvi.services.organizations.wire import (
    CreateOrganizationRequest,
    CreateOrganizationResponse,
    DescribeOrganizationResponse,
    DisablePolicyTypeRequest,
    DisablePolicyTypeResponse,
    EnablePolicyTypeRequest,
    EnablePolicyTypeResponse,
    ListAWSServiceAccessForOrganizationRequest,
    ListAWSServiceAccessForOrganizationResponse,
    ListRootsRequest,
    ListRootsResponse,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import span


@organizations.write("CreateOrganization")
def create_organization(
    call: Call, tx: Transaction, req: CreateOrganizationRequest
) -> CreateOrganizationResponse:
    """Begin an organisation with one root; the caller's account is its management account.

    No type of policy is enabled yet, as on AWS.

    Raises: AlreadyInOrganizationException; NotBuilt for consolidated billing alone.
    """
    if req.get("FeatureSet", "ALL") != "ALL":
        raise NotBuilt(what="organizations with consolidated billing alone")
    if records.find_organization(tx, call.account) is not None:
        raise errors.AlreadyInOrganizationException()
    organization = Organization(
        id=f"o-{call.entropy.lower(10)}",
        management=call.account,
        root_id=f"r-{call.entropy.lower(4)}",
        created_at_ms=call.now_ms,
    )
    records.put_organization(tx, organization)
    management = Account(
        id=call.account,
        name=call.account,
        email="",
        parent=organization.root_id,
        joined="INVITED",
        joined_at_ms=call.now_ms,
    )
    records.put_account(tx, organization, management)
    return {"Organization": rules.told_organization(organization, management)}


@organizations.read("DescribeOrganization")
def describe_organization(
    call: Call, at: Snapshot, req: dict[str, object]
) -> DescribeOrganizationResponse:
    """Any member may ask. Raises: AWSOrganizationsNotInUseException."""
    organization = records.get_organization(at, call.account)
    management = records.get_account(at, organization, organization.management)
    return {"Organization": rules.told_organization(organization, management)}


@organizations.write("DeleteOrganization")
def delete_organization(call: Call, tx: Transaction, req: dict[str, object]) -> None:
    """End an organisation in which nothing is left but its management account.

    Raises: OrganizationNotEmptyException.
    """
    organization = records.get_managed(tx, call.account)
    home = organization.home
    alone = records.ACCOUNTS.count(tx, home, limit=2) == 1
    if not alone or any(
        collection.count(tx, home, limit=1) for collection in (records.UNITS, records.POLICIES)
    ):
        raise errors.OrganizationNotEmptyException()
    for handshake in list(
        records.HANDSHAKES.scan_index(tx, records.EVERYWHERE, "organization", (organization.id,))
    ):
        records.HANDSHAKES.delete(tx, records.EVERYWHERE, handshake.id)
    records.delete_account(tx, organization, call.account)
    records.detach_all(tx, organization, organization.root_id)
    records.ORGANIZATIONS.delete(tx, (call.account, GLOBAL_REGION))
    tx.delete_range(*span(home))


@organizations.read("ListRoots")
def list_roots(call: Call, at: Snapshot, req: ListRootsRequest) -> ListRootsResponse:
    """There is one, so `MaxResults` and `NextToken` change nothing. Raises: AccessDeniedException."""
    req.get("MaxResults")
    req.get("NextToken")
    return {"Roots": [rules.told_root(records.get_managed(at, call.account))]}


@organizations.read("ListAWSServiceAccessForOrganization")
def list_aws_service_access_for_organization(
    call: Call, at: Snapshot, req: ListAWSServiceAccessForOrganizationRequest
) -> ListAWSServiceAccessForOrganizationResponse:
    """No service is let into the accounts of an organisation: to enable one is refused by name. Terraform asks."""
    req.get("MaxResults")
    req.get("NextToken")
    records.get_managed(at, call.account)
    return {"EnabledServicePrincipals": []}


@organizations.write("EnablePolicyType")
def enable_policy_type(
    call: Call, tx: Transaction, req: EnablePolicyTypeRequest
) -> EnablePolicyTypeResponse:
    """Let policies of a type hold; the one that allows everything is attached everywhere.

    Raises: RootNotFoundException, PolicyTypeAlreadyEnabledException; NotBuilt for other types.
    """
    organization, kind = _named(call, tx, req)
    if kind in organization.enabled:
        raise errors.PolicyTypeAlreadyEnabledException()
    for target in records.nodes(tx, organization):
        records.attach(tx, organization, target, records.FULL_ACCESS[kind])
    return _put(tx, organization, (*organization.enabled, kind))


@organizations.write("DisablePolicyType")
def disable_policy_type(
    call: Call, tx: Transaction, req: DisablePolicyTypeRequest
) -> DisablePolicyTypeResponse:
    """Let policies of a type hold no longer; all are detached and none is deleted.

    Raises: RootNotFoundException, PolicyTypeNotEnabledException; NotBuilt for other types.
    """
    organization, kind = _named(call, tx, req)
    if kind not in organization.enabled:
        raise errors.PolicyTypeNotEnabledException()
    for one in list(records.ATTACHMENTS.scan(tx, organization.home)):
        if one.type == kind:
            records.ATTACHMENTS.delete(tx, organization.home, *records.ATTACHMENTS.key_of(one))
    return _put(tx, organization, tuple(one for one in organization.enabled if one != kind))


def _named(
    call: Call, tx: Transaction, req: EnablePolicyTypeRequest | DisablePolicyTypeRequest
) -> tuple[Organization, str]:
    organization = records.get_managed(tx, call.account)
    rules.check_built(req["PolicyType"])
    if req["RootId"] != organization.root_id:
        raise errors.RootNotFoundException()
    return organization, req["PolicyType"]


def _put(
    tx: Transaction, organization: Organization, enabled: tuple[str, ...]
) -> EnablePolicyTypeResponse:
    changed = msgspec.structs.replace(organization, enabled=enabled)
    records.put_organization(tx, changed)
    return {"Root": rules.told_root(changed)}
