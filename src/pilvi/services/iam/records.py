"""What IAM and STS store.

Users, roles, groups and managed policies are global to their account: home `(account, "aws-global")`. Names
are unique without regard to case, so records are keyed by the lower-cased name. What belongs to an entity
(inline policies, tags, attached policies, memberships) is part of its record: AWS bounds it to some
kilobytes, and whoever deletes the entity deletes it all.

Issued credentials are found by their id alone, whatever the account: home `("-", "aws-global")`. Verifying a
signature needs the secret itself, so it is sealed rather than hashed (`sessions/tokens.py`).

Invariants, checked at the write:
1. `attached` of an entity and the `iam.attachment` entries naming it agree.
2. `User.groups` and the `iam.member` entries naming it agree.
3. `boundary` of a user or a role and the `iam.bounded` entry naming it agree.
4. Each id in `access_key_ids` of a user or of root has its issued credential, with the holder's present ARN.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from pilvi.base.arn import GLOBAL_REGION, Arn, Scope
from pilvi.contracts.credentials import Credential
from pilvi.services.iam import errors, limits
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key

EVERYWHERE: Key = ("-", GLOBAL_REGION)
"""The home of issued credentials."""


class Entity(msgspec.Struct, kw_only=True):
    """What users, roles and groups have in common. Policies are kept as the texts that were given."""

    name: str
    path: str
    id: str
    created_at_ms: int
    tags: dict[str, str] = {}
    inline: dict[str, str] = {}
    attached: list[str] = []


class User(Entity, kw_only=True):
    """`boundary`: the ARN of the managed policy that bounds it, or ""."""

    access_key_ids: list[str] = []
    groups: list[str] = []
    boundary: str = ""


class Root(msgspec.Struct, kw_only=True):
    """The root user of an account: always there, has a record once it has keys."""

    name: str = "root"
    access_key_ids: list[str] = []


class Role(Entity, kw_only=True):
    """`trust_ids`: of those whom the trust policy names, as they were when it was saved. `boundary`: as a user's."""

    trust: str
    trust_ids: dict[str, str] = {}
    boundary: str = ""
    description: str | None = None
    session_s_max: int = limits.ROLE_SESSION_S_DEFAULT


class Group(Entity, kw_only=True):
    pass


class Version(msgspec.Struct, kw_only=True):
    number: int
    document: str
    created_at_ms: int


class Policy(msgspec.Struct, kw_only=True):
    """A managed policy. `arn` is told, for AWS's own live in no account."""

    arn: str
    name: str
    path: str
    id: str
    description: str | None
    created_at_ms: int
    updated_at_ms: int
    default_version: int
    last_version: int
    versions: list[Version]
    tags: dict[str, str] = {}

    def version(self, number: int) -> Version | None:
        return next((v for v in self.versions if v.number == number), None)


class Attachment(msgspec.Struct, kw_only=True):
    """That a managed policy is attached to an entity: the way back from the policy."""

    policy_arn: str
    kind: str
    name: str
    id: str


class Member(msgspec.Struct, kw_only=True):
    """That a user is in a group: the way back from the group."""

    group: str
    user: str


class Issued(msgspec.Struct, kw_only=True):
    """A credential that this cloud issued: a user's access key or a session. Without its secret and its token, which
    are `sealed`: `tokens.opened` gives them back."""

    credential: Credential
    sealed: bytes
    created_at_ms: int
    user_name: str = ""


def _key(entity: Entity) -> Key:
    return (entity.name.lower(),)


def _expiry(issued: Issued) -> Key | None:
    expires_at_ms = issued.credential.expires_at_ms
    return None if expires_at_ms is None else (expires_at_ms,)


ROOTS = Collection("iam.root", Root, key=lambda _: ())
USERS = Collection("iam.user", User, key=_key, kept=True)
ROLES = Collection("iam.role", Role, key=_key, kept=True)
GROUPS = Collection("iam.group", Group, key=_key, kept=True)
POLICIES = Collection("iam.policy", Policy, key=lambda policy: (policy.name.lower(),), kept=True)
ATTACHMENTS = Collection(
    "iam.attachment", Attachment, key=lambda a: (a.policy_arn, a.kind, a.name.lower())
)
BOUNDED = Collection(
    "iam.bounded", Attachment, key=lambda a: (a.policy_arn, a.kind, a.name.lower())
)
"""The way back from a policy to those whom it bounds."""
MEMBERS = Collection("iam.member", Member, key=lambda m: (m.group.lower(), m.user.lower()))
ISSUED = Collection(
    "iam.issued",
    Issued,
    key=lambda issued: (issued.credential.access_key_id,),
    indexes={"expiry": _expiry},
    kept=True,
)


class Named(Protocol):
    """What has a name and a path, and so an ARN."""

    name: str
    path: str


def home_of(scope: Scope) -> Key:
    return (scope.account, GLOBAL_REGION)


def arn_of(scope: Scope, kind: str, entity: Named) -> str:
    return str(Arn("iam", "", scope.account, f"{kind}{entity.path}{entity.name}", scope.partition))


def check_room(at: Snapshot, scope: Scope, collection: Collection[Any], quota: str) -> None:
    """`quota`: a name of `limits.PER_ACCOUNT`. Raises: LimitExceeded."""
    limit = limits.PER_ACCOUNT[quota]
    if collection.count(at, home_of(scope), limit=limit) >= limit:
        raise errors.LimitExceeded(quota=quota, limit=limit)


# --- users, roles, groups


def get_user(at: Snapshot, scope: Scope, name: str) -> User:
    """Raises: NoSuchEntity."""
    user = USERS.find(at, home_of(scope), name.lower())
    if user is None:
        raise errors.NoSuchEntity(detail=f"The user with name {name} cannot be found.")
    return user


def all_users(at: Snapshot, scope: Scope) -> Iterator[User]:
    return USERS.scan(at, home_of(scope))


def get_root(at: Snapshot, scope: Scope) -> Root:
    return ROOTS.find(at, home_of(scope)) or Root()


def put_key_holder(tx: Transaction, scope: Scope, holder: User | Root) -> None:
    if isinstance(holder, Root):
        ROOTS.put(tx, home_of(scope), holder)
    else:
        USERS.put(tx, home_of(scope), holder)


def get_role(at: Snapshot, scope: Scope, name: str) -> Role:
    """Raises: NoSuchEntity."""
    role = find_role(at, scope, name)
    if role is None:
        raise errors.NoSuchEntity(detail=f"The role with name {name} cannot be found.")
    return role


def find_role(at: Snapshot, scope: Scope, name: str) -> Role | None:
    return ROLES.find(at, home_of(scope), name.lower())


def get_group(at: Snapshot, scope: Scope, name: str) -> Group:
    """Raises: NoSuchEntity."""
    group = GROUPS.find(at, home_of(scope), name.lower())
    if group is None:
        raise errors.NoSuchEntity(detail=f"The group with name {name} cannot be found.")
    return group


def get_entity(at: Snapshot, scope: Scope, kind: str, name: str) -> Entity:
    """`kind`: user, role or group. Raises: NoSuchEntity."""
    return {"user": get_user, "role": get_role, "group": get_group}[kind](at, scope, name)


def put_entity(tx: Transaction, scope: Scope, entity: Entity) -> None:
    if isinstance(entity, User):
        USERS.put(tx, home_of(scope), entity)
    elif isinstance(entity, Role):
        ROLES.put(tx, home_of(scope), entity)
    else:
        assert isinstance(entity, Group), type(entity)
        GROUPS.put(tx, home_of(scope), entity)


# --- managed policies that customers made; AWS's own are in `aws_policies.py`


def find_local_policy(at: Snapshot, scope: Scope, arn: str) -> Policy | None:
    name = arn.rpartition("/")[2]
    policy = POLICIES.find(at, home_of(scope), name.lower())
    return policy if policy is not None and policy.arn == arn else None


def attachments_of(at: Snapshot, scope: Scope, policy_arn: str) -> Iterator[Attachment]:
    return ATTACHMENTS.scan(at, home_of(scope), (policy_arn,))


def bounded_by(at: Snapshot, scope: Scope, policy_arn: str) -> Iterator[Attachment]:
    return BOUNDED.scan(at, home_of(scope), (policy_arn,))


def set_boundary(tx: Transaction, scope: Scope, entity: User | Role, arn: str) -> None:
    """`arn`: "" takes it away. Keeps invariant 3."""
    kind, home = "user" if isinstance(entity, User) else "role", home_of(scope)
    if entity.boundary:
        BOUNDED.delete(tx, home, entity.boundary, kind, entity.name.lower())
    entity.boundary = arn
    if arn:
        entry = Attachment(policy_arn=arn, kind=kind, name=entity.name, id=entity.id)
        BOUNDED.put(tx, home, entry)
    put_entity(tx, scope, entity)


def put_attachment(tx: Transaction, scope: Scope, kind: str, entity: Entity, arn: str) -> None:
    """Keeps invariant 1."""
    entity.attached = [*entity.attached, arn]
    put_entity(tx, scope, entity)
    entry = Attachment(policy_arn=arn, kind=kind, name=entity.name, id=entity.id)
    ATTACHMENTS.put(tx, home_of(scope), entry)


def delete_attachment(tx: Transaction, scope: Scope, kind: str, entity: Entity, arn: str) -> None:
    """Keeps invariant 1."""
    entity.attached = [attached for attached in entity.attached if attached != arn]
    put_entity(tx, scope, entity)
    removed = ATTACHMENTS.delete(tx, home_of(scope), arn, kind, entity.name.lower())
    assert removed is not None, (arn, kind, entity.name)


# --- members of groups


def put_member(tx: Transaction, scope: Scope, group: Group, user: User) -> None:
    """Keeps invariant 2."""
    user.groups = [*user.groups, group.name]
    USERS.put(tx, home_of(scope), user)
    MEMBERS.put(tx, home_of(scope), Member(group=group.name, user=user.name))


def delete_member(tx: Transaction, scope: Scope, group: Group, user: User) -> None:
    """Keeps invariant 2."""
    user.groups = [name for name in user.groups if name != group.name]
    USERS.put(tx, home_of(scope), user)
    MEMBERS.delete(tx, home_of(scope), group.name.lower(), user.name.lower())


# --- credentials


def find_issued(at: Snapshot, access_key_id: str) -> Issued | None:
    return ISSUED.find(at, EVERYWHERE, access_key_id)


def add_issued(tx: Transaction, issued: Issued) -> bool:
    """False when its id, drawn at random, is taken."""
    return ISSUED.add(tx, EVERYWHERE, issued)


def put_issued(tx: Transaction, issued: Issued) -> None:
    ISSUED.put(tx, EVERYWHERE, issued)


def delete_issued(tx: Transaction, access_key_id: str) -> None:
    ISSUED.delete(tx, EVERYWHERE, access_key_id)


def expired(at: Snapshot, until_ms: int, limit: int) -> list[str]:
    """Ids of at most `limit` sessions and deleted keys that ended by that instant, oldest first."""
    found: list[str] = []
    for issued in ISSUED.scan_index(at, EVERYWHERE, "expiry", limit=limit):
        expires_at_ms = issued.credential.expires_at_ms
        if expires_at_ms is None or expires_at_ms > until_ms:
            break
        found.append(issued.credential.access_key_id)
    return found
