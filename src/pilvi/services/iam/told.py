"""What users, roles, policies and the rest tell policies of themselves, when one of them asks: tags, and boundaries.

AWS: IAM User Guide, "IAM and AWS STS condition context keys", "Controlling access to and for IAM users and roles using
tags".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pilvi.base.arn import Arn
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Tells
from pilvi.services.iam import aws_policies, records
from pilvi.services.iam.instance_profiles import INSTANCE_PROFILES
from pilvi.services.iam.proofs import mfa_devices, server_certificates
from pilvi.services.iam.providers import oidc
from pilvi.services.iam.providers.saml import SAML_PROVIDERS
from pilvi.services.iam.records import Role, User
from pilvi.store.api import Snapshot

Keys = Mapping[str, tuple[str, ...]]
_FAMILIES = ("aws:resourcetag/", "iam:resourcetag/")
_BOUNDARY = "iam:permissionsboundary"
_FROM_THE_REQUEST = frozenset(
    {
        *("iam:CreateUser", "iam:PutUserPermissionsBoundary"),
        *("iam:CreateRole", "iam:PutRolePermissionsBoundary"),
    }
)
"""These tell the boundary that they set; all others the one that is set."""


async def _tell(call: Call, asked: Permission, resource: str) -> Keys:
    return await call.view(lambda at: _told(at, asked, resource))


tells = Tells(frozenset({_BOUNDARY, *(f"{family}*" for family in _FAMILIES)}), _tell)


def _told(at: Snapshot, asked: Permission, resource: str) -> Keys:
    try:
        arn = Arn.parse(resource)
    except ValueError:
        return {}
    kind, _, path = arn.resource.partition("/")
    if kind in ("user", "role"):
        return _of_entity(at, asked, arn, path.rpartition("/")[2])
    find = _TAGGED.get(kind)
    found = None if find is None else find(at, arn)
    return {} if found is None else tags.of_resource(found, *_FAMILIES)


def _of_entity(at: Snapshot, asked: Permission, arn: Arn, name: str) -> Keys:
    found: User | Role | None
    if arn.resource.startswith("user/"):
        found = records.USERS.find(at, records.home_of(arn.scope), name.lower())
    else:
        found = records.find_role(at, arn.scope, name)
    if found is None:
        return {}
    told = tags.of_resource(found.tags, *_FAMILIES)
    if found.boundary and asked.action not in _FROM_THE_REQUEST:
        told[_BOUNDARY] = (found.boundary,)
    return told


def _policy(at: Snapshot, arn: Arn) -> dict[str, str] | None:
    found = aws_policies.find_policy(at, arn.scope, str(arn))
    return None if found is None else found.tags


def _profile(at: Snapshot, arn: Arn) -> dict[str, str] | None:
    found = INSTANCE_PROFILES.find(at, records.home_of(arn.scope), _name(arn).lower())
    return None if found is None else found.tags


def _oidc_provider(at: Snapshot, arn: Arn) -> dict[str, str] | None:
    found = oidc.find_by_arn(at, arn.scope, str(arn))
    return None if found is None else found.tags


def _saml_provider(at: Snapshot, arn: Arn) -> dict[str, str] | None:
    found = SAML_PROVIDERS.find(at, records.home_of(arn.scope), _name(arn).lower())
    return None if found is None else found.tags


def _certificate(at: Snapshot, arn: Arn) -> dict[str, str] | None:
    found = server_certificates.find(at, arn.scope, _name(arn))
    return None if found is None else found.tags


def _device(at: Snapshot, arn: Arn) -> dict[str, str] | None:
    found = mfa_devices.find(at, arn.scope, str(arn))
    return None if found is None else found.tags


_TAGGED: dict[str, Callable[[Snapshot, Arn], dict[str, str] | None]] = {
    "policy": _policy,
    "instance-profile": _profile,
    "oidc-provider": _oidc_provider,
    "saml-provider": _saml_provider,
    "server-certificate": _certificate,
    "mfa": _device,
}


def _name(arn: Arn) -> str:
    return arn.resource.rpartition("/")[2]
