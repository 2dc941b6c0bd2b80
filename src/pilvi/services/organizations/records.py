"""What Organizations stores.

An account that is in an organisation has one record of its own that leads there (`Member`), at the account's home. All
else lies below the organisation, at the home of its management account; handshakes and the e-mail addresses of
accounts that were created belong to nobody's home.

What decides over requests is kept in memory (`kept=True`): memberships, the tree, policies, attachments.

Invariants, checked at the write:
1. `Member` of an account and the `Account` in its organisation agree.
2. Every `parent` is the root or a unit of the same organisation; no unit is below itself.
3. Attachments name policies and nodes that exist, of types that are enabled; for each such type every node has one.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.base.arn import GLOBAL_REGION
from pilvi.contracts.jobs import Job
from pilvi.services.organizations import errors, limits
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key

EVERYWHERE: Key = ("-", GLOBAL_REGION)


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """That an account is in an organisation, and whose that is."""

    management: str
    organization: str


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """With its only root. `enabled`: the policy types that hold."""

    id: str
    management: str
    root_id: str
    created_at_ms: int
    root_tags: dict[str, str] = {}
    enabled: tuple[str, ...] = ()

    @property
    def home(self) -> Key:
        """Of all that is in it."""
        return (self.management, GLOBAL_REGION, "organizations", self.id)


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    parent: str
    tags: dict[str, str] = {}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """`email`: "" for an account that was not created here: accounts exist by being used, and have none."""

    id: str
    name: str
    email: str
    parent: str
    joined: str
    joined_at_ms: int
    tags: dict[str, str] = {}


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    type: str
    name: str
    description: str
    content: str
    tags: dict[str, str] = {}
    aws_managed: bool = False


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """`target`: a root, a unit or an account."""

    target: str
    type: str
    policy: str


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """For a new account. `account`: chosen at once, told when it is there."""

    id: str
    account: str
    name: str
    email: str
    role_name: str
    requested_at_ms: int
    state: str = "IN_PROGRESS"
    completed_at_ms: int | None = None
    failure: str = ""
    tags: dict[str, str] = {}


class Handshake(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation. `state` as it was last changed; one that is open ends with `expires_at_ms`."""

    id: str
    organization: str
    management: str
    account: str
    requested_at_ms: int
    expires_at_ms: int
    state: str = "OPEN"
    notes: str = ""
    tags: dict[str, str] = {}

    def state_at(self, now_ms: int) -> str:
        lapsed = self.state == "OPEN" and now_ms >= self.expires_at_ms
        return "EXPIRED" if lapsed else self.state


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """That an account was created with an e-mail address."""

    email: str
    account: str


MEMBERS = Collection("organizations.member", Member, key=lambda _: (), kept=True)
ORGANIZATIONS = Collection("organizations.organization", Organization, key=lambda _: (), kept=True)
UNITS = Collection(
    "organizations.unit",
    Unit,
    key=lambda unit: (unit.id,),
    indexes={"parent": lambda unit: (unit.parent,)},
    kept=True,
)
ACCOUNTS = Collection(
    "organizations.account",
    Account,
    key=lambda account: (account.id,),
    indexes={"parent": lambda account: (account.parent,)},
    kept=True,
)
POLICIES = Collection(
    "organizations.policy",
    Policy,
    key=lambda policy: (policy.type, policy.id),
    indexes={"id": lambda policy: (policy.id,), "name": lambda policy: (policy.type, policy.name)},
    kept=True,
)
ATTACHMENTS = Collection(
    "organizations.attachment",
    Attachment,
    key=lambda one: (one.target, one.type, one.policy),
    indexes={"policy": lambda one: (one.policy,)},
    kept=True,
)
REQUESTS = Collection("organizations.request", Request, key=lambda request: (request.id,))
HANDSHAKES = Collection(
    "organizations.handshake",
    Handshake,
    key=lambda handshake: (handshake.id,),
    indexes={
        "account": lambda handshake: (handshake.account,),
        "organization": lambda handshake: (handshake.organization,),
    },
)
ADDRESSES = Collection("organizations.address", Address, key=lambda one: (one.email.lower(),))


# --- AWS's own policies: they are in every organisation, and in no store


def _full(kind: str, id: str, name: str, statement: str) -> Policy:
    described = "Allows access to every operation"
    content = f'{{"Version":"2012-10-17","Statement":[{statement}]}}'
    return Policy(
        id=id, type=kind, name=name, description=described, content=content, aws_managed=True
    )


FULL_ACCESS = {
    "SERVICE_CONTROL_POLICY": _full(
        "SERVICE_CONTROL_POLICY",
        "p-FullAWSAccess",
        "FullAWSAccess",
        '{"Effect":"Allow","Action":"*","Resource":"*"}',
    ),
    "RESOURCE_CONTROL_POLICY": _full(
        "RESOURCE_CONTROL_POLICY",
        "p-RCPFullAWSAccess",
        "RCPFullAWSAccess",
        '{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}',
    ),
}
"""Of each type that is built, the policy that is attached everywhere when the type is enabled."""
_OWN = {policy.id: policy for policy in FULL_ACCESS.values()}


# --- finding


def find_organization(at: Snapshot, account: str) -> Organization | None:
    """The one that an account is in."""
    member = MEMBERS.find(at, (account, GLOBAL_REGION))
    if member is None:
        return None
    found = ORGANIZATIONS.find(at, (member.management, GLOBAL_REGION))
    assert found is not None, f"{account} is in {member.organization}, which is not there"
    return found


def get_organization(at: Snapshot, account: str) -> Organization:
    """Raises: AWSOrganizationsNotInUseException."""
    found = find_organization(at, account)
    if found is None:
        raise errors.AWSOrganizationsNotInUseException()
    return found


def get_managed(at: Snapshot, account: str) -> Organization:
    """The organisation whose management account this is.

    Raises: AWSOrganizationsNotInUseException, AccessDeniedException.
    """
    found = get_organization(at, account)
    if found.management != account:
        raise errors.AccessDeniedException()
    return found


def find_unit(at: Snapshot, organization: Organization, id: str) -> Unit | None:
    return UNITS.find(at, organization.home, id)


def find_account(at: Snapshot, organization: Organization, id: str) -> Account | None:
    return ACCOUNTS.find(at, organization.home, id)


def get_account(at: Snapshot, organization: Organization, id: str) -> Account:
    """Raises: AccountNotFoundException."""
    found = find_account(at, organization, id)
    if found is None:
        raise errors.AccountNotFoundException()
    return found


def is_parent(at: Snapshot, organization: Organization, id: str) -> bool:
    return id == organization.root_id or find_unit(at, organization, id) is not None


def is_node(at: Snapshot, organization: Organization, id: str) -> bool:
    """Whether policies can be attached to it."""
    return is_parent(at, organization, id) or find_account(at, organization, id) is not None


def ancestry(at: Snapshot, organization: Organization, parent: str) -> tuple[str, ...]:
    """Ids from the root down to `parent` itself."""
    chain: list[str] = []
    while parent != organization.root_id:
        chain.append(parent)
        unit = find_unit(at, organization, parent)
        assert unit is not None, f"{parent} is not in {organization.id}"
        assert len(chain) <= limits.DEPTH_MAX, f"{parent} is too deep"
        parent = unit.parent
    return (organization.root_id, *reversed(chain))


def nodes(at: Snapshot, organization: Organization) -> Iterator[str]:
    """Everything that policies can be attached to."""
    yield organization.root_id
    for collection in (UNITS, ACCOUNTS):
        for one in collection.scan(at, organization.home):
            yield one.id


def find_policy(at: Snapshot, organization: Organization, id: str) -> Policy | None:
    own = _OWN.get(id)
    if own is not None:
        return own
    return next(POLICIES.scan_index(at, organization.home, "id", (id,), limit=1), None)


def get_policy(at: Snapshot, organization: Organization, id: str) -> Policy:
    """Raises: PolicyNotFoundException."""
    found = find_policy(at, organization, id)
    if found is None:
        raise errors.PolicyNotFoundException()
    return found


def attached(at: Snapshot, organization: Organization, target: str, kind: str) -> list[Policy]:
    """The policies of a type that are attached to a node itself."""
    return [
        get_policy(at, organization, one.policy)
        for one in ATTACHMENTS.scan(at, organization.home, (target, kind))
    ]


def attachments_of(at: Snapshot, organization: Organization, policy: str) -> Iterator[Attachment]:
    return ATTACHMENTS.scan_index(at, organization.home, "policy", (policy,))


# --- changing


def put_organization(tx: Transaction, organization: Organization) -> None:
    ORGANIZATIONS.put(tx, (organization.management, GLOBAL_REGION), organization)


def put_account(tx: Transaction, organization: Organization, account: Account) -> None:
    """An account joins. Keeps invariants 1 and 3."""
    member = Member(management=organization.management, organization=organization.id)
    MEMBERS.put(tx, (account.id, GLOBAL_REGION), member)
    ACCOUNTS.put(tx, organization.home, account)
    attach_defaults(tx, organization, account.id)


def delete_account(tx: Transaction, organization: Organization, id: str) -> None:
    """An account leaves. Keeps invariants 1 and 3."""
    detach_all(tx, organization, id)
    ACCOUNTS.delete(tx, organization.home, id)
    MEMBERS.delete(tx, (id, GLOBAL_REGION))


def attach(tx: Transaction, organization: Organization, target: str, policy: Policy) -> None:
    one = Attachment(target=target, type=policy.type, policy=policy.id)
    ATTACHMENTS.put(tx, organization.home, one)


def attach_defaults(tx: Transaction, organization: Organization, target: str) -> None:
    """What a new node has of each type that is enabled (invariant 3)."""
    for kind in organization.enabled:
        attach(tx, organization, target, FULL_ACCESS[kind])


def detach_all(tx: Transaction, organization: Organization, target: str) -> None:
    for one in list(ATTACHMENTS.scan(tx, organization.home, (target,))):
        ATTACHMENTS.delete(tx, organization.home, *ATTACHMENTS.key_of(one))


def check_accounts(at: Snapshot, organization: Organization, now_ms: int) -> None:
    """Whether there is room for one account more; open invitations and requests take room too.

    Raises: ConstraintViolationException.
    """
    accounts = ACCOUNTS.count(at, organization.home, limit=limits.ACCOUNTS_MAX)
    invited = sum(one.state_at(now_ms) == "OPEN" for one in handshakes_of(at, organization))
    asked = sum(one.state == "IN_PROGRESS" for one in REQUESTS.scan(at, organization.home))
    if accounts + invited + asked >= limits.ACCOUNTS_MAX:
        raise errors.ConstraintViolationException(
            reason="ACCOUNT_NUMBER_LIMIT_EXCEEDED",
            detail="You have exceeded the allowed number of AWS accounts.",
        )


def handshakes_of(at: Snapshot, organization: Organization) -> list[Handshake]:
    """At most `limits.HANDSHAKES_MAX`."""
    return list(HANDSHAKES.scan_index(at, EVERYWHERE, "organization", (organization.id,)))


def schedule_forgetting(tx: Transaction, handshake: Handshake) -> None:
    """So long after its time is over that everybody could see how it ended."""
    job = Job(
        kind="organizations.forget_handshake",
        payload=msgspec.msgpack.encode(handshake.id),
        account=handshake.management,
    )
    tx.at(handshake.expires_at_ms + limits.HANDSHAKE_TOLD_MS, job)
