"""What KMS stores: keys, their material (sealed), aliases and grants.

Invariants:
1. Key material, and nothing else here, is secret; it is only ever stored sealed (`store/sealing.py`), under the
   identity that `material_identity` gives.
2. All material of a key lies under `key_home`; deleting the key deletes that range.
3. `Key.has_material` holds while every material that the key has begun to use is there.
4. A multi-Region key has one `Family`, which names the Regions of the primary and the replicas; each of them is a
   `Key` of its own with the same id and the same material ids.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.jobs import Job
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key as StoreKey
from pilvi.store.keys import span


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """`material_id`: what new ciphertexts are made with; None before the first import. `public_key`: of a pair, as
    DER. `expires_at_ms`: when the first of its imported materials does. `next_rotation_ms`: set while rotation is
    on. `awaits_replicas`: a primary key that is to be deleted once its last replica is."""

    id: str
    account: str
    region: str
    partition: str = "aws"
    created_ms: int
    spec: str
    usage: str
    origin: str = "AWS_KMS"
    manager: str = "CUSTOMER"
    description: str = ""
    policy: str
    policy_ids: dict[str, str] = {}
    enabled: bool = True
    has_material: bool = True
    expires_at_ms: int | None = None
    material_id: str | None = None
    materials: int = 0
    public_key: bytes | None = None
    multi_region: bool = False
    deletion_ms: int | None = None
    pending_days: int | None = None
    awaits_replicas: bool = False
    rotation_days: int | None = None
    next_rotation_ms: int | None = None
    on_demand_rotations: int = 0
    grants: int = 0
    tags: dict[str, str] = {}

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region, self.partition)

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:kms:{self.region}:{self.account}:key/{self.id}"


CURRENT, NON_CURRENT, PENDING = "CURRENT", "NON_CURRENT", "PENDING_ROTATION"


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """`sealed`: None when imported material was deleted or has expired; the record stays, because only the same
    material may come back. `number`: order of arrival, from 1. `rotated_ms`, `rotation`: when and why it became
    the current one; None for the first."""

    id: str
    number: int
    sealed: bytes | None
    state: str = CURRENT
    rotated_ms: int | None = None
    rotation: str | None = None
    valid_to_ms: int | None = None
    description: str | None = None


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    key_id: str
    created_ms: int
    updated_ms: int


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """`token`: the SHA-256 of its token. `context_subset`, `context_equals`, `source_arn`: its constraints.
    Principals are ARNs, or names of services (`*_service`); `ids`: of those that are users and roles, as they were."""

    key_id: str
    id: str
    token: bytes
    created_ms: int
    operations: tuple[str, ...]
    grantee: str | None = None
    grantee_service: str | None = None
    retiring: str | None = None
    retiring_service: str | None = None
    name: str = ""
    issuing_account: str
    ids: dict[str, str] = {}
    context_subset: dict[str, str] | None = None
    context_equals: dict[str, str] | None = None
    source_arn: str | None = None


class Retirable(msgspec.Struct, frozen=True, kw_only=True):
    """A grant of another account's key that a principal of this account may retire. It lies with the principal."""

    retiring: str
    account: str
    key_id: str
    grant_id: str


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """The Regions of a multi-Region key."""

    key_id: str
    primary: str
    replicas: tuple[str, ...] = ()

    @property
    def regions(self) -> tuple[str, ...]:
        return (self.primary, *self.replicas)


class Tally(msgspec.Struct, frozen=True):
    """How many customer managed keys a scope has."""

    keys: int = 0


keys = Collection("kms.key", Key, key=lambda key: (key.id,))
materials = Collection("kms.material", Material, key=lambda material: (material.id,))
aliases = Collection(
    "kms.alias", Alias, key=lambda alias: (alias.name,), indexes={"key": lambda a: (a.key_id,)}
)
grants = Collection(
    "kms.grant",
    Grant,
    key=lambda grant: (grant.key_id, grant.id),
    indexes={
        "retiring": lambda g: None if g.retiring is None else (g.retiring,),
        "retiring_service": lambda g: None if g.retiring_service is None else (g.retiring_service,),
        "token": lambda g: (g.token,),
        "name": lambda g: (g.key_id, g.name) if g.name else None,
        "grantee": lambda g: (g.key_id, g.grantee or g.grantee_service or ""),
    },
)
retirables = Collection(
    "kms.retirable",
    Retirable,
    key=lambda one: (one.retiring, one.account, one.key_id, one.grant_id),
)
families = Collection("kms.family", Family, key=lambda family: (family.key_id,))
tallies = Collection("kms.tally", Tally, key=lambda _tally: ())


def home(scope: Scope) -> StoreKey:
    return (scope.account, scope.region)


def key_home(scope: Scope, key_id: str) -> StoreKey:
    return (scope.account, scope.region, "kms", key_id)


def find_key(at: Snapshot, scope: Scope, key_id: str) -> Key | None:
    return keys.find(at, home(scope), key_id)


def put_key(tx: Transaction, key: Key) -> None:
    keys.put(tx, home(key.scope), key)


def put_new_key(tx: Transaction, key: Key) -> None:
    put_key(tx, key)
    _count(tx, key, 1)


def count_keys(at: Snapshot, scope: Scope) -> int:
    return (tallies.find(at, home(scope)) or Tally()).keys


def _count(tx: Transaction, key: Key, by: int) -> None:
    if key.manager == "CUSTOMER":
        tallies.put(tx, home(key.scope), Tally(count_keys(tx, key.scope) + by))


def material_identity(key: Key, material_id: str) -> StoreKey:
    return (*key_home(key.scope, key.id), "kms.material", material_id)


def find_material(at: Snapshot, key: Key, material_id: str) -> Material | None:
    return materials.find(at, key_home(key.scope, key.id), material_id)


def list_materials(at: Snapshot, key: Key) -> list[Material]:
    """In the order in which they came."""
    found = materials.scan(at, key_home(key.scope, key.id))
    return sorted(found, key=lambda material: material.number)


def put_material(tx: Transaction, key: Key, material: Material) -> None:
    materials.put(tx, key_home(key.scope, key.id), material)


def delete_materials(tx: Transaction, key: Key) -> None:
    tx.delete_range(*span(key_home(key.scope, key.id)))


def aliases_of(at: Snapshot, key: Key) -> Iterator[Alias]:
    return aliases.scan_index(at, home(key.scope), "key", (key.id,))


def grants_of(at: Snapshot, key: Key) -> Iterator[Grant]:
    return grants.scan(at, home(key.scope), (key.id,))


def grants_to(at: Snapshot, key: Key, grantee: str) -> Iterator[Grant]:
    return grants.scan_index(at, home(key.scope), "grantee", (key.id, grantee))


def grant_by_token(at: Snapshot, key: Key, token: bytes) -> Grant | None:
    """`token`: its SHA-256."""
    found = grants.scan_index(at, home(key.scope), "token", (token,), limit=1)
    grant = next(found, None)
    return grant if grant is not None and grant.key_id == key.id else None


def put_grant(tx: Transaction, key: Key, grant: Grant) -> None:
    grants.put(tx, home(key.scope), grant)
    there = _retirable_elsewhere(key, grant)
    if there is not None:
        retirables.put(tx, *there)


def delete_grant(tx: Transaction, key: Key, grant: Grant) -> None:
    grants.delete(tx, home(key.scope), grant.key_id, grant.id)
    there = _retirable_elsewhere(key, grant)
    if there is not None:
        at_home, one = there
        retirables.delete(tx, at_home, one.retiring, one.account, one.key_id, one.grant_id)


def _retirable_elsewhere(key: Key, grant: Grant) -> tuple[StoreKey, Retirable] | None:
    """None where the retiring principal is of the key's own account, or of none."""
    account = "" if grant.retiring is None else grant.retiring.split(":", 5)[4]
    if grant.retiring is None or account == key.account or not account.isdigit():
        return None
    one = Retirable(retiring=grant.retiring, account=key.account, key_id=key.id, grant_id=grant.id)
    return home(key.scope._replace(account=account)), one


def delete_key(tx: Transaction, key: Key) -> None:
    """The key with its aliases; its material and its grants must be gone."""
    for alias in list(aliases_of(tx, key)):
        aliases.delete(tx, home(key.scope), alias.name)
    keys.delete(tx, home(key.scope), key.id)
    _count(tx, key, -1)


# --- multi-Region keys


def _families_home(scope: Scope) -> StoreKey:
    return home(scope.everywhere)


def find_family(at: Snapshot, key: Key) -> Family | None:
    return families.find(at, _families_home(key.scope), key.id) if key.multi_region else None


def put_family(tx: Transaction, scope: Scope, family: Family) -> None:
    families.put(tx, _families_home(scope), family)


def delete_family(tx: Transaction, key: Key) -> None:
    families.delete(tx, _families_home(key.scope), key.id)


def relatives(at: Snapshot, key: Key) -> list[Key]:
    """The other keys of its family; none for a key of one Region."""
    family = find_family(at, key)
    regions = () if family is None else family.regions
    scopes = [key.scope._replace(region=region) for region in regions if region != key.region]
    found = [find_key(at, scope, key.id) for scope in scopes]
    return [one for one in found if one is not None]


# --- what time does


class Due(msgspec.Struct, frozen=True):
    """Payload of this service's jobs."""

    key_id: str


def schedule(tx: Transaction, key: Key, what: str, *, due_ms: int) -> None:
    """Run `kms.<what>` for a key; a second call moves it."""
    job = Job(
        kind=f"kms.{what}",
        payload=msgspec.msgpack.encode(Due(key.id)),
        id=f"kms.{what}/{key.account}/{key.region}/{key.id}",
        account=key.account,
        region=key.region,
    )
    tx.at(due_ms, job)
