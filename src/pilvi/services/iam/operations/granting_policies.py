"""Which of somebody's policies let them at a service: ListPoliciesGrantingServiceAccess."""

from __future__ import annotations

from collections.abc import Iterable

from pilvi.kit.call import Call
from pilvi.languages.policy import Attachment, Document
from pilvi.services.iam import pages, permissions
from pilvi.services.iam.operations.callers import entity_of
from pilvi.services.iam.service import iam
from pilvi.services.iam.simulation.requests import holder_of
from pilvi.services.iam.wire import (
    ListPoliciesGrantingServiceAccessEntry,
    ListPoliciesGrantingServiceAccessRequest,
    ListPoliciesGrantingServiceAccessResponse,
    PolicyGrantingServiceAccess,
)
from pilvi.store.api import Snapshot


@iam.read("ListPoliciesGrantingServiceAccess")
def list_policies_granting_service_access(
    call: Call, at: Snapshot, req: ListPoliciesGrantingServiceAccessRequest
) -> ListPoliciesGrantingServiceAccessResponse:
    """For each service the policies that allow anything of it, of a user's groups, too; boundaries do not count.

    Raises: NoSuchEntity, InvalidInput (an ARN of something else).
    AWS: ListPoliciesGrantingServiceAccess.
    """
    _, entity = entity_of(call, at, req["Arn"])
    documents = permissions.documents_of(at, call.scope, entity)
    page, more = pages.cut_names(req, dict.fromkeys(req["ServiceNamespaces"]))
    return {
        "PoliciesGrantingServiceAccess": [_entry(service, documents) for service in page],
        **more,
    }


def _entry(service: str, documents: Iterable[Document]) -> ListPoliciesGrantingServiceAccessEntry:
    granting = [_told(one) for one in documents if _grants(one, service.lower())]
    return {"ServiceNamespace": service, "Policies": granting}


def _grants(document: Document, service: str) -> bool:
    """Whether a statement allows any action of a service. NotAction allows some of each that it does not name whole."""
    for statement in document.policy.policy.statements:
        if not statement.allows:
            continue
        actions = statement.actions
        if actions.negated:
            if not any(action.lower() in ("*", f"{service}:*") for action in actions.patterns):
                return True
        elif any(one.lower().partition(":")[0] in ("*", service) for one in actions.patterns):
            return True
    return False


def _told(document: Document) -> PolicyGrantingServiceAccess:
    origin = document.origin
    if origin.attachment in (Attachment.MANAGED, Attachment.GROUP_MANAGED):
        return {"PolicyName": origin.name, "PolicyType": "MANAGED", "PolicyArn": origin.arn}
    kind, name = holder_of(document)
    return {
        "PolicyName": origin.name,
        "PolicyType": "INLINE",
        "EntityType": kind.upper(),
        "EntityName": name,
    }
