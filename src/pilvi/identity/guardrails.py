"""What an organisation says about an account: what its principals, and whoever asks for its resources, may at most.

`services/organizations` keeps it and answers (`GuardrailsOf`); `kit/permission.py` asks at every decision.
AWS: Organizations User Guide, "Service control policies (SCPs)", "Resource control policies (RCPs)".
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

import msgspec

from pilvi.languages.policy import Document, Policies

Levels = tuple[tuple[Document, ...], ...]
"""Policies per level, from the root of the organisation to the account. Every level must allow."""


class Guardrails(msgspec.Struct, frozen=True):
    """`organization`: its id, "" for an account that is in none. `path`: where the account stands in it, as
    `o-.../r-.../ou-.../`. Of a management account neither kind of policy holds; nor does one whose type is off."""

    organization: str = ""
    path: str = ""
    service_control: Levels = ()
    resource_control: Levels = ()

    @property
    def limits(self) -> bool:
        """Whether any policy speaks about the account's principals or resources."""
        return bool(self.service_control or self.resource_control)


NO_GUARDRAILS = Guardrails()


class GuardrailsOf(Protocol):
    """Answered by Organizations for every decision: never stale, and next to free where no organisation exists."""

    def of_account(self, account: str) -> Awaitable[Guardrails]: ...

    def known(self, account: str) -> Guardrails | None:
        """The same without waiting, where it is in memory and still true."""
        ...


RESOURCE_CONTROLLED = frozenset(
    {
        *("s3", "sts", "kms", "sqs", "secretsmanager", "ecr", "aoss", "dynamodb", "logs"),
        *("cognito-identity", "cognito-idp"),
    }
)
"""Prefixes of the actions that resource control policies hold for.
AWS: Organizations User Guide, "Resource control policies", section "List of AWS services that support RCPs"."""

_SPARED = frozenset({"kms:retiregrant"})
"""AWS: same page, section "Resources and entities not restricted by RCPs"."""


def limited(
    policies: Policies, here: Guardrails, there: Guardrails, action: str, *, spared: bool = False
) -> Policies:
    """`policies` with what the organisations of the principal's and of the resource's account add. `spared`: the
    resource is one that resource control policies do not hold for.

    SCPs hold for every principal of an account, its root too, and for nobody who has none; the evaluation passes over
    services and service-linked roles.
    """
    resource_control: Levels = ()
    if there.resource_control and not spared:
        name = action.lower()
        if name.partition(":")[0] in RESOURCE_CONTROLLED and name not in _SPARED:
            resource_control = there.resource_control
    if not here.service_control and not resource_control:
        return policies
    return msgspec.structs.replace(
        policies, service_control=here.service_control, resource_control=resource_control
    )


def organisation_keys(here: Guardrails, there: Guardrails) -> dict[str, tuple[str, ...]]:
    """The condition keys that tell of organisations; absent for an account that is in none."""
    told: dict[str, tuple[str, ...]] = {}
    if here.organization:
        told["aws:principalorgid"] = (here.organization,)
        told["aws:principalorgpaths"] = (here.path,)
    if there.organization:
        told["aws:resourceorgid"] = (there.organization,)
        told["aws:resourceorgpaths"] = (there.path,)
    return told


def source_keys(source: Guardrails) -> dict[str, tuple[str, ...]]:
    """Of the resource for which a service acts."""
    if not source.organization:
        return {}
    return {"aws:sourceorgid": (source.organization,), "aws:sourceorgpaths": (source.path,)}
