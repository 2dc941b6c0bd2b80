"""`identity.guardrails.GuardrailsOf`: the policies over an account, level by level, kept in memory."""

from __future__ import annotations

from collections.abc import Awaitable

from pilvi.identity.guardrails import NO_GUARDRAILS, Guardrails, Levels
from pilvi.kit.cloud import Cloud
from pilvi.languages.policy import Attachment, Document, Origin, document
from pilvi.services.organizations import limits, records, rules
from pilvi.services.organizations.records import Organization, Policy
from pilvi.services.organizations.rules import RESOURCE_CONTROL, SERVICE_CONTROL
from pilvi.store.api import Snapshot


class OrganizationsGuardrails:
    """Asked at every decision. An account that is in no organisation costs one look into memory."""

    def __init__(self, cloud: Cloud) -> None:
        self._kept = cloud.kept(guardrails_of, most=limits.GUARDRAILS_KEPT)
        self.known = self._kept.find

    def of_account(self, account: str) -> Awaitable[Guardrails]:
        return self._kept.get(account)


def guardrails_of(at: Snapshot, account: str) -> Guardrails:
    """Reads records that are declared `kept`, and no others."""
    organization = records.find_organization(at, account)
    if organization is None:
        return NO_GUARDRAILS
    entry = records.find_account(at, organization, account)
    assert entry is not None, f"{account} is not in {organization.id}, which it says it is in"
    above = records.ancestry(at, organization, entry.parent)
    path = rules.path_of(organization, above)
    if account == organization.management:
        return Guardrails(organization.id, path)
    nodes = (*above, account)
    return Guardrails(
        organization.id,
        path,
        service_control=_levels(at, organization, nodes, SERVICE_CONTROL),
        resource_control=_levels(at, organization, nodes, RESOURCE_CONTROL),
    )


_ATTACHMENTS = {
    SERVICE_CONTROL: Attachment.SERVICE_CONTROL,
    RESOURCE_CONTROL: Attachment.RESOURCE_CONTROL,
}


def _levels(at: Snapshot, organization: Organization, nodes: tuple[str, ...], kind: str) -> Levels:
    """None at all where the type is off; a level without policies allows nothing."""
    if kind not in organization.enabled:
        return ()
    return tuple(
        tuple(
            _document(organization, policy, node)
            for policy in records.attached(at, organization, node, kind)
        )
        for node in nodes
    )


def _document(organization: Organization, policy: Policy, holder: str) -> Document:
    arn = rules.policy_arn(organization, policy)
    origin = Origin(_ATTACHMENTS[policy.type], name=policy.name, arn=arn, holder=holder)
    return document(policy.content, rules.FORMS[policy.type], origin)
