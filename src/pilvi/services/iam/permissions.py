"""What stands for a user or a role: `identity.permissions.PermissionsOf`, and the trust policies of roles."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from pilvi.base.arn import GLOBAL_REGION, PARTITION, Arn, Scope
from pilvi.base.errors import NotBuilt
from pilvi.contracts.credentials import Session
from pilvi.contracts.delivery import Source
from pilvi.identity import behalf
from pilvi.identity.guardrails import NO_GUARDRAILS, Guardrails
from pilvi.identity.permissions import OnResource, Permissions
from pilvi.identity.principal import Principal
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.permission import Permission
from pilvi.languages.policy import (
    IDENTITY,
    TRUST,
    Attachment,
    Document,
    Kind,
    Origin,
    ResourceSide,
    document,
    principals_named,
)
from pilvi.languages.policy import Principal as PolicyPrincipal
from pilvi.services.iam import aws_policies, errors, limits, records, rules
from pilvi.services.iam.instance_profiles import INSTANCE_PROFILES
from pilvi.services.iam.proofs import password_policies, server_certificates
from pilvi.services.iam.records import Entity, Group, Policy, Role, User
from pilvi.services.iam.sessions import factors
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection


class IamPermissions:
    """Asked for every request of a user or a role, so the answers are kept."""

    def __init__(self, cloud: Cloud) -> None:
        self._kept = cloud.kept(_permissions, most=limits.PERMISSIONS_KEPT)

    def permissions_of(self, principal: Principal) -> Awaitable[Permissions]:
        """Of a session, those of its role while it is the same one: a new role of the name is another."""
        return self._kept.get(_name_of(principal))

    def known(self, principal: Principal) -> Permissions | None:
        return self._kept.find(_name_of(principal))


def _name_of(principal: Principal) -> str:
    """As `_permissions` reads it."""
    session = principal.session
    key = principal.access_key_id if session is not None and session.is_particular else ""
    return f"{principal.id}\n{principal.arn}\n{principal.role_arn or ''}\n{key}"


def _permissions(at: Snapshot, name: str) -> Permissions:
    """`name`: the principal's id and ARN, the role's, and the key of a session that has something of its own."""
    principal_id, arn, role_arn, access_key_id = name.split("\n")
    session = _session(at, access_key_id)
    if session.issuer_arn:
        permissions = _lent(at, arn, session)
    else:
        kind = Kind.ROLE_SESSION if role_arn else Kind.USER
        unique_id = principal_id.partition(":")[0]
        account = Arn.parse(arn).account
        principal = PolicyPrincipal(
            kind, account, arn, role_arn, unique_id, provider=session.provider
        )
        permissions = _entitys(at, principal, role_arn or arn)
    scope = Scope(permissions.principal.account, GLOBAL_REGION)
    return msgspec.structs.replace(
        permissions,
        session=tuple(_session_documents(at, scope, session, arn)),
        tags=rules.overlaid(permissions.tags, session.tags),
    )


def _session(at: Snapshot, access_key_id: str) -> Session:
    issued = records.find_issued(at, access_key_id) if access_key_id else None
    found = None if issued is None else issued.credential.session
    return found or Session(issued_at_ms=0)


def _lent(at: Snapshot, arn: str, session: Session) -> Permissions:
    """A federated user's: those of the user, or of the root, who asked for the session. Whoever names that user by
    the unique id, as saved policies of resources do, means these sessions, too."""
    account = Arn.parse(arn).account
    principal = PolicyPrincipal(
        Kind.FEDERATED_USER, account, arn, session.issuer_arn, session.issuer_id
    )
    if session.issuer_id == account:
        return Permissions(principal, (_EVERYTHING,))
    return _entitys(at, principal, session.issuer_arn)


def _entitys(at: Snapshot, principal: PolicyPrincipal, entity_arn: str) -> Permissions:
    """Those of a user or a role, while it is the one with the principal's id."""
    arn = Arn.parse(entity_arn)
    find = records.ROLES.find if arn.resource.startswith("role/") else records.USERS.find
    entity: User | Role | None = find(
        at, records.home_of(arn.scope), arn.resource.rpartition("/")[2].lower()
    )
    if entity is None or entity.id != principal.unique_id:
        return Permissions(principal)
    documents = documents_of(at, arn.scope, entity)
    if isinstance(entity, User):
        documents += _of_password_policy(at, arn.scope, str(arn))
    boundary = find_boundary(at, arn.scope, entity)
    return Permissions(principal, tuple(documents), boundary, tags=dict(entity.tags))


def _session_documents(
    at: Snapshot, scope: Scope, session: Session, holder: str
) -> Iterator[Document]:
    for text in session.policies:
        yield document(text, IDENTITY, Origin(Attachment.SESSION, holder=holder))
    for arn in session.policy_arns:
        policy = aws_policies.find_policy(at, scope, arn)
        if policy is not None:  # one that was deleted since allows nothing
            yield _default(policy, Attachment.SESSION, holder)
    if session.policy_arns:
        yield _NOTHING


_EVERYTHING = document(
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
    IDENTITY,
    Origin(Attachment.INLINE, holder="the root user"),
)
_NOTHING = document(
    '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"pilvi:nothing","Resource":"*"}}',
    IDENTITY,
    Origin(Attachment.SESSION),
)
"""Stands beside managed session policies, so that a session whose policies are all gone is still limited."""


def _of_password_policy(at: Snapshot, scope: Scope, user_arn: str) -> Iterator[Document]:
    """An account that lets its users change their passwords need not allow each of them to."""
    policy = password_policies.find(at, scope)
    if policy is not None and policy.users_may_change:
        statements = [
            {"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": user_arn},
            {"Effect": "Allow", "Action": "iam:GetAccountPasswordPolicy", "Resource": "*"},
        ]
        text = json.dumps({"Version": "2012-10-17", "Statement": statements})
        origin = Origin(Attachment.INLINE, name="account password policy", holder=user_arn)
        yield document(text, IDENTITY, origin)


def documents_of(at: Snapshot, scope: Scope, entity: Entity) -> list[Document]:
    """The identity policies of a user, with those of its groups, of a role or of a group."""
    if isinstance(entity, Group):
        holder = records.arn_of(scope, "group", entity)
        return list(_documents(at, scope, entity, holder, of_group=True))
    is_user = isinstance(entity, User)
    holder = records.arn_of(scope, "user" if is_user else "role", entity)
    documents = list(_documents(at, scope, entity, holder, of_group=False))
    for name in entity.groups if is_user else ():
        documents += documents_of(at, scope, records.get_group(at, scope, name))
    return documents


def find_boundary(at: Snapshot, scope: Scope, entity: Entity) -> Document | None:
    """Groups have none."""
    arn = entity.boundary if isinstance(entity, User | Role) else ""
    return _managed(at, scope, arn, Attachment.BOUNDARY, entity.name) if arn else None


def _documents(
    at: Snapshot, scope: Scope, entity: Entity, holder: str, *, of_group: bool
) -> Iterator[Document]:
    inline = Attachment.GROUP_INLINE if of_group else Attachment.INLINE
    managed = Attachment.GROUP_MANAGED if of_group else Attachment.MANAGED
    for name, text in entity.inline.items():
        yield document(text, IDENTITY, Origin(inline, name=name, holder=holder))
    for arn in entity.attached:
        yield _managed(at, scope, arn, managed, holder)


def _managed(at: Snapshot, scope: Scope, arn: str, attachment: Attachment, holder: str) -> Document:
    """A managed policy cannot be deleted while somebody has it.

    Raises: NotBuilt for a policy of AWS's that came from a directory which this server was not given.
    """
    policy = aws_policies.find_policy(at, scope, arn)
    if policy is None:  # nobody may take it for one that allows and denies nothing
        assert aws_policies.is_aws_managed(arn), f"{holder} has {arn}, which does not exist"
        raise NotBuilt(what=f"the policy {arn}, which {holder} has (see --aws-policies)")
    return _default(policy, attachment, holder)


def _default(policy: Policy, attachment: Attachment, holder: str) -> Document:
    """The default version of a managed policy."""
    version = policy.version(policy.default_version)
    assert version is not None, f"{policy.arn} has no version {policy.default_version}"
    origin = Origin(attachment, name=policy.name, arn=policy.arn, holder=holder)
    return document(version.document, IDENTITY, origin)


_NAMED: dict[str, Collection[Any]] = {
    "user": records.USERS,
    "role": records.ROLES,
    "group": records.GROUPS,
    "instance-profile": INSTANCE_PROFILES,
}


AS_IT_WILL_BE = "as it will be"
"""Told in a `Permission` for the ARN that an entity gets by being renamed or moved: it is whole already."""


async def entity_named(call: Call, asked: Permission, resource: str) -> OnResource:
    """A user, role, group, instance profile or server certificate under its whole ARN: requests name them without
    their path.

    Raises: InvalidClientTokenId.
    """
    _refuse_lent_iam(call)
    told = asked.told
    if isinstance(told, KeyNamed):
        return await call.view(lambda at: _key_holder(at, told.access_key_id))
    try:
        arn = Arn.parse(resource)
    except ValueError:
        return OnResource()
    kind, _, path = arn.resource.partition("/")
    if asked.told is AS_IT_WILL_BE:
        return OnResource(arn.account)
    if kind == "server-certificate":
        name = path.rpartition("/")[2]
        certificate = await call.view(lambda at: server_certificates.find(at, arn.scope, name))
        if certificate is None:
            return OnResource(arn.account)
        return OnResource(arn.account, arn=server_certificates.arn_of(arn.scope, certificate))
    found = _NAMED.get(kind)
    if found is None or not path:
        return OnResource(arn.account if arn.account.isdigit() else "")  # AWS's own policies
    home, name = records.home_of(arn.scope), path.rpartition("/")[2].lower()
    entity = await call.view(lambda at: found.find(at, home, name))
    if entity is None:
        return OnResource(arn.account)
    return OnResource(arn.account, arn=records.arn_of(arn.scope, kind, entity))


@dataclass(frozen=True, slots=True)
class KeyNamed:
    """`Permission.told` of requests about the user whose key they name."""

    access_key_id: str


def _key_holder(at: Snapshot, access_key_id: str) -> OnResource:
    issued = records.find_issued(at, access_key_id)
    arn = "" if issued is None else issued.credential.principal_arn
    return OnResource(Arn.parse(arn).account, arn=arn) if ":user/" in arn else OnResource()


async def role_to_assume(call: Call, asked: Permission, resource: str) -> OnResource:
    """The trust policy of the role that a request names; none for a role that does not exist: then nobody may.

    Raises: ValidationError for what is no role's ARN, AccessDenied.
    """
    _refuse_lent_sts(call)
    if resource == "*":
        return OnResource()
    arn = rules.parse_role_arn(resource)
    if arn.service == "sts":  # a federated user; what names a role so is refused by the handler
        return OnResource()
    role = await call.view(lambda at: find_role(at, resource))
    if role is None:
        return OnResource(arn.account, side=ResourceSide.TRUST)
    context = tags.of_resource(role.tags, "aws:resourcetag/", "iam:resourcetag/")
    told = asked.told
    if isinstance(told, factors.Shown):
        await call.view(lambda at: factors.verify(call, at, told))
        context |= {"aws:multifactorauthpresent": ("true",), "aws:multifactorauthage": ("0",)}
    return OnResource(arn.account, (_trust(resource, role),), ResourceSide.TRUST, context=context)


def _refuse_lent_sts(call: Call) -> None:
    """Sessions of GetSessionToken may assume roles, federated users may nothing in STS.

    AWS: IAM User Guide, "Compare AWS STS credentials". Raises: AccessDenied.
    """
    caller = call.principal
    if caller.session is None or caller.role_arn is not None or call.proven is not None:
        return
    if caller.is_federated or call.operation != "AssumeRole":
        raise errors.AccessDenied(detail=f"Cannot call {call.operation} with session credentials")


def _refuse_lent_iam(call: Call) -> None:
    """IAM takes no federated users, and sessions of GetSessionToken only with a second factor.

    AWS: IAM User Guide, "Compare AWS STS credentials". Raises: InvalidClientTokenId.
    """
    caller = call.principal
    if caller.session is None or caller.role_arn is not None:
        return
    if caller.is_federated or caller.session.mfa_at_ms is None:
        raise errors.InvalidClientTokenId()


def find_role(at: Snapshot, role_arn: str) -> Role | None:
    """By its whole ARN, partition, path and all: what else names it would get round policies about it."""
    arn = Arn.parse(role_arn)
    if arn.partition != PARTITION:
        return None
    role = records.find_role(at, arn.scope, arn.resource.rpartition("/")[2])
    exact = role is not None and records.arn_of(arn.scope, "role", role) == role_arn
    return role if exact else None


def trusts_service(
    role_arn: str,
    role: Role,
    source: Source,
    *,
    now_ms: int,
    around: tuple[Guardrails, Guardrails] = (NO_GUARDRAILS, NO_GUARDRAILS),
) -> bool:
    """Whether a service of the cloud may assume the role on its own behalf, for what `source` says.

    `around`: what organisations say of the role's account, and of the source's.
    """
    arn = Arn.parse(role_arn)
    side = OnResource(arn.account, (_trust(role_arn, role),), ResourceSide.TRUST)
    _, _, decision = behalf.judge(
        source,
        "sts:AssumeRole",
        role_arn,
        side,
        now_ms=now_ms,
        known=_NEVER_BROUGHT,
        there=around[0],
        here=around[1],
    )
    return decision.allowed


_NEVER_BROUGHT = frozenset(
    {
        "sts:externalid",
        "sts:sourceidentity",
        "sts:transitivetagkeys",
        "aws:requesttag/*",
        "aws:tagkeys",
    }
)
"""Condition keys that a service never has when it takes a role."""


def _trust(role_arn: str, role: Role) -> Document:
    return document(role.trust, TRUST, Origin(Attachment.TRUST, holder=role_arn), role.trust_ids)


def ids_of(at: Snapshot, arns: Iterable[str]) -> dict[str, str]:
    """`contracts.principals.Principals.ids_of`."""
    found: dict[str, str] = {}
    for text in arns:
        try:
            arn = Arn.parse(text)
        except ValueError:
            continue
        kind, _, path = arn.resource.partition("/")
        collection = {"user": records.USERS, "role": records.ROLES}.get(kind)
        if arn.service != "iam" or collection is None:
            continue
        name = path.rpartition("/")[2].lower()
        entity: User | Role | None = collection.find(at, records.home_of(arn.scope), name)
        if entity is not None and records.arn_of(arn.scope, kind, entity) == text:
            found[text] = entity.id
    return found


def ids_in_trust(at: Snapshot, trust: str) -> dict[str, str]:
    """Of those whom a trust policy names. Raises: PolicyError."""
    return ids_of(at, principals_named(trust, TRUST))
