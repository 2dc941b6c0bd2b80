"""What Organizations decides: ARNs, what a policy may say, how things are told. No store, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pilvi.base.errors import NotBuilt
from pilvi.languages.policy import IDENTITY, RESOURCE, Form, PolicyError, parse
from pilvi.languages.policy import Policy as Parsed
from pilvi.services.organizations import errors, limits
from pilvi.services.organizations.records import (
    FULL_ACCESS,
    Account,
    Handshake,
    Organization,
    Policy,
    Unit,
)
from pilvi.services.organizations.wire import Account as AccountMember
from pilvi.services.organizations.wire import Organization as OrganizationMember
from pilvi.services.organizations.wire import (
    OrganizationalUnit,
    PolicySummary,
    PolicyTypeSummary,
    Root,
    Tag,
)

SERVICE_CONTROL = "SERVICE_CONTROL_POLICY"
RESOURCE_CONTROL = "RESOURCE_CONTROL_POLICY"

FORMS: Mapping[str, Form] = {
    SERVICE_CONTROL: Form(principals=IDENTITY.principals, resources=IDENTITY.resources),
    RESOURCE_CONTROL: RESOURCE,
}
"""As the parser knows them; `check_content` forbids more."""


# --- names


def arn_of(organization: Organization, kind: str, rest: str = "") -> str:
    """`kind`: root, ou, account, policy/..., handshake/...; an organisation's own has no rest."""
    tail = f"/{rest}" if rest else ""
    return f"arn:aws:organizations::{organization.management}:{kind}/{organization.id}{tail}"


def node_arn(organization: Organization, id: str) -> str:
    """Of a root, a unit or an account."""
    return arn_of(organization, kind_of(id), id)


PREFIXES = {"root": "r-", "ou": "ou-", "policy": "p-", "handshake": "h-", "account": ""}
"""How the ids of each kind begin, by the kind's name in ARNs."""


def kind_of(id: str) -> str:
    """ "" for what is no id."""
    if len(id) == 12 and id.isascii() and id.isdigit():
        return "account"
    return next((kind for kind, prefix in PREFIXES.items() if prefix and id.startswith(prefix)), "")


def policy_arn(organization: Organization, policy: Policy) -> str:
    kind = policy.type.lower()
    if policy.aws_managed:
        return f"arn:aws:organizations::aws:policy/{kind}/{policy.id}"
    return arn_of(organization, "policy", f"{kind}/{policy.id}")


def handshake_arn(handshake: Handshake) -> str:
    """It belongs to the organisation that invites."""
    middle = f"{handshake.organization}/invite/{handshake.id}"
    return f"arn:aws:organizations::{handshake.management}:handshake/{middle}"


def path_of(organization: Organization, nodes: Iterable[str]) -> str:
    """`o-.../r-.../ou-.../`, as aws:PrincipalOrgPaths has it."""
    return "/".join((organization.id, *nodes, ""))


# --- policies


def check_built(kind: str) -> None:
    """Raises: NotBuilt for types of policy that nothing here would obey."""
    if kind not in FULL_ACCESS:
        raise NotBuilt(what=f"organization policies of the type {kind}")


def check_content(kind: str, content: str) -> None:
    """Raises: MalformedPolicyDocumentException, ConstraintViolationException.

    AWS: Organizations User Guide, "SCP syntax", "RCP syntax".
    """
    if len(content) > limits.CHARACTERS_MAX[kind]:
        raise errors.ConstraintViolationException(
            reason="POLICY_CONTENT_LIMIT_EXCEEDED",
            detail="You have exceeded the maximum policy size.",
        )
    try:
        policy = parse(content, FORMS[kind])
    except PolicyError:
        raise errors.MalformedPolicyDocumentException() from None
    if policy.version != "2012-10-17":
        raise errors.MalformedPolicyDocumentException()
    if kind == RESOURCE_CONTROL and not _controls_resources(policy):
        raise errors.MalformedPolicyDocumentException()


def _controls_resources(policy: Parsed) -> bool:
    """A customer's can only deny, to everyone, actions of services that it names."""
    return not any(
        one.allows
        or one.actions.negated
        or "*" in one.actions.patterns
        or one.principals is None
        or one.principals.negated
        or one.principals.named != (("AWS", "*"),)
        for one in policy.statements
    )


# --- tags


def tags_of(
    given: Iterable[Mapping[str, Any]], before: Mapping[str, str] | None = None
) -> dict[str, str]:
    """`before` with the tags of a request over it. Raises: InvalidInputException, ConstraintViolationException."""
    fresh: dict[str, str] = {}
    for tag in given:
        if tag["Key"] in fresh:
            raise errors.InvalidInputException(
                reason="DUPLICATE_TAG_KEY", detail="You provided a duplicate tag key."
            )
        if tag["Key"].lower().startswith("aws:"):
            raise errors.InvalidInputException(
                reason="INVALID_SYSTEM_TAGS_PARAMETER",
                detail="You specified a tag key that is a system tag.",
            )
        fresh[tag["Key"]] = tag["Value"]
    tags = {**(before or {}), **fresh}
    if len(tags) > limits.TAGS_MAX:
        raise errors.ConstraintViolationException(
            reason="MAX_TAG_LIMIT_EXCEEDED",
            detail="You have exceeded the number of tags allowed on this resource.",
        )
    return tags


def told_tags(tags: Mapping[str, str]) -> list[Tag]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


# --- telling


def told_organization(organization: Organization, management: Account) -> OrganizationMember:
    """`AvailablePolicyTypes` tells of SCPs alone, enabled or not, as on AWS, where it is deprecated."""
    told: OrganizationMember = {
        "Id": organization.id,
        "Arn": arn_of(organization, "organization"),
        "FeatureSet": "ALL",
        "MasterAccountArn": node_arn(organization, organization.management),
        "MasterAccountId": organization.management,
        "AvailablePolicyTypes": [{"Type": SERVICE_CONTROL, "Status": "ENABLED"}],
    }
    if management.email:
        told["MasterAccountEmail"] = management.email
    return told


def told_root(organization: Organization) -> Root:
    types: list[PolicyTypeSummary] = [
        {"Type": kind, "Status": "ENABLED"} for kind in organization.enabled
    ]
    return {
        "Id": organization.root_id,
        "Arn": node_arn(organization, organization.root_id),
        "Name": "Root",
        "PolicyTypes": types,
    }


def told_unit(organization: Organization, unit: Unit, above: Iterable[str]) -> OrganizationalUnit:
    """`above`: ids from the root down to its parent."""
    return {
        "Id": unit.id,
        "Arn": node_arn(organization, unit.id),
        "Name": unit.name,
        "Path": path_of(organization, (*above, unit.id)),
    }


def told_account(
    organization: Organization, account: Account, above: Iterable[str]
) -> AccountMember:
    told: AccountMember = {
        "Id": account.id,
        "Arn": node_arn(organization, account.id),
        "Name": account.name,
        "Status": "ACTIVE",
        "State": "ACTIVE",
        "Paths": [path_of(organization, (*above, account.id))],
        "JoinedMethod": account.joined,
        "JoinedTimestamp": account.joined_at_ms,
    }
    if account.email:
        told["Email"] = account.email
    return told


def told_policy(organization: Organization, policy: Policy) -> PolicySummary:
    return {
        "Id": policy.id,
        "Arn": policy_arn(organization, policy),
        "Name": policy.name,
        "Description": policy.description,
        "Type": policy.type,
        "AwsManaged": policy.aws_managed,
    }
