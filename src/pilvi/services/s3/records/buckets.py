"""Buckets and all that is configured on them; one small record, read by every request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pilvi.base.arn import GLOBAL_REGION
from pilvi.contracts.bodies import BodyOwner
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.records.encryption import DefaultEncryption
from pilvi.services.s3.records.grants import Acl
from pilvi.services.s3.records.locks import BucketLock
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key, span

NAMES: Key = ("aws", GLOBAL_REGION)
"""Home of the bucket records: the namespace that all accounts share."""


BUCKET_OWNER, REQUESTER = "BucketOwner", "Requester"
"""Who pays for requests."""
ENABLED = "Enabled"
SUSPENDED = "Suspended"


class CorsRule(msgspec.Struct, frozen=True, omit_defaults=True):
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age_s: int | None = None
    id: str | None = None


class Notification(msgspec.Struct, frozen=True, omit_defaults=True):
    """Events of these kinds, on keys that begin and end so, are delivered to `target` (a function's ARN)."""

    id: str
    target: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""
    rules: tuple[tuple[str, str], ...] = ()
    """The filter rules (name, value) as they were put."""


class PublicAccess(msgspec.Struct, frozen=True):
    """The bucket's public access block."""

    block_acls: bool = True
    ignore_acls: bool = True
    block_policy: bool = True
    restrict_buckets: bool = True


class Logging(msgspec.Struct, frozen=True):
    """Where the access log goes. `document`: as it was put."""

    target: str
    prefix: str
    document: dict[str, Any]


class Bucket(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    id: str
    account: str
    region: str
    created_at_ms: int
    public_access: PublicAccess | None = None
    policy: str | None = None
    policy_ids: dict[str, str] | None = None
    """Unique ids of the users and roles that the policy names, as they were when it was saved."""
    tags: dict[str, str] | None = None
    cors: tuple[CorsRule, ...] = ()
    notifications: tuple[Notification, ...] = ()
    lock: BucketLock | None = None
    """None: no object lock, and versioning may be suspended."""
    versioning: str = ""
    """Enabled or Suspended; "" until it is put for the first time, and never again."""
    ownership: str | None = "BucketOwnerEnforced"
    """Who owns what others write, and whether access control lists count; None: they do, and the writer."""
    acl: Acl = None
    payer: str = BUCKET_OWNER
    logging: Logging | None = None

    @property
    def has_acls(self) -> bool:
        """Whether lists count, the bucket's and those of its objects."""
        return self.ownership != "BucketOwnerEnforced"

    def owner_of(self, owner: str) -> str:
        """Of an object, as its record tells it: where lists do not count, all is the bucket's."""
        return owner if self.has_acls else ""

    encryption: DefaultEncryption | None = None
    lifecycle: bool = False
    """Whether there are lifecycle rules that are enabled (`lifecycle/records.py`)."""
    replicates: bool = False
    """Whether it has a replication configuration (`replication/records.py`)."""
    mfa_delete: str = ""
    """Enabled or Disabled; "" until it is put for the first time."""
    abac: bool = False
    """Whether the tags count in policies."""
    constraint: str = ""
    """EU, if it was made under this older name of eu-west-1: its location is told by that name."""

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.name}"

    @property
    def home(self) -> Key:
        """Where all that is in the bucket lies."""
        return (self.account, self.region, self.id)


_BUCKETS = Collection(
    "s3.bucket",
    Bucket,
    key=lambda bucket: (bucket.name,),
    indexes={"account": lambda bucket: (bucket.account,)},
    kept=True,
)


class AccountBlock(msgspec.Struct, frozen=True):
    """The public access block of a whole account: what it blocks is blocked in every bucket."""

    account: str
    block: PublicAccess


_ACCOUNT_BLOCKS = Collection(
    "s3.account_block", AccountBlock, key=lambda blocked: (blocked.account,), kept=True
)
_OPEN = PublicAccess(
    block_acls=False, ignore_acls=False, block_policy=False, restrict_buckets=False
)


class Tally(msgspec.Struct, frozen=True):
    """How many buckets an account has."""

    account: str
    buckets: int


_TALLIES = Collection("s3.tally", Tally, key=lambda tally: (tally.account,))


class Sequence(msgspec.Struct, frozen=True):
    last: int


_SEQUENCES = Collection("s3.sequence", Sequence, key=lambda sequence: ())


def find_bucket(at: Snapshot, name: str) -> Bucket | None:
    return _BUCKETS.find(at, NAMES, name)


def get_bucket(at: Snapshot, name: str) -> Bucket:
    """Raises: NoSuchBucket."""
    bucket = _BUCKETS.find(at, NAMES, name)
    if bucket is None:
        raise errors.NoSuchBucket(name)
    return bucket


def put_bucket(tx: Transaction, bucket: Bucket) -> None:
    _BUCKETS.put(tx, NAMES, bucket)


def find_account_block(at: Snapshot, account: str) -> PublicAccess | None:
    found = _ACCOUNT_BLOCKS.find(at, NAMES, account)
    return None if found is None else found.block


def put_account_block(tx: Transaction, account: str, block: PublicAccess | None) -> None:
    """None takes it away."""
    if block is None:
        _ACCOUNT_BLOCKS.delete(tx, NAMES, account)
    else:
        _ACCOUNT_BLOCKS.put(tx, NAMES, AccountBlock(account, block))


def blocked(at: Snapshot, bucket: Bucket) -> PublicAccess:
    """What is blocked in a bucket, by its own settings or by its account's."""
    own = bucket.public_access or _OPEN
    found = find_account_block(at, bucket.account)
    if found is None:
        return own
    return PublicAccess(
        block_acls=own.block_acls or found.block_acls,
        ignore_acls=own.ignore_acls or found.ignore_acls,
        block_policy=own.block_policy or found.block_policy,
        restrict_buckets=own.restrict_buckets or found.restrict_buckets,
    )


def add_bucket(tx: Transaction, bucket: Bucket) -> None:
    """A new one. Raises: TooManyBuckets."""
    tally = _TALLIES.find(tx, NAMES, bucket.account) or Tally(bucket.account, 0)
    if tally.buckets >= limits.BUCKETS_PER_ACCOUNT_MAX:
        raise errors.TooManyBuckets()
    _TALLIES.put(tx, NAMES, Tally(bucket.account, tally.buckets + 1))
    _BUCKETS.put(tx, NAMES, bucket)


def delete_bucket(tx: Transaction, bucket: Bucket) -> None:
    """The record and everything under the bucket's id; the blobs in it must have been released."""
    tally = _TALLIES.find(tx, NAMES, bucket.account)
    assert tally is not None, bucket.account
    assert tally.buckets > 0, bucket.account
    _TALLIES.put(tx, NAMES, Tally(bucket.account, tally.buckets - 1))
    _BUCKETS.delete(tx, NAMES, bucket.name)
    tx.delete_range(*span(bucket.home))


def scan_buckets(at: Snapshot, account: str, *, after_name: str | None = None) -> Iterator[Bucket]:
    """An account's buckets, by name."""
    return _BUCKETS.scan_index(
        at,
        NAMES,
        "account",
        (account,),
        after_entry=None if after_name is None else (account, after_name),
    )


def body_owner(
    at: Snapshot, home: Key, key: str, version_id: str, upload_id: str = ""
) -> BodyOwner | None:
    """Whom to name when a body is damaged. `home`: of the bucket that it is in."""
    account, _, id = home
    if not isinstance(account, str):
        return None
    for bucket in scan_buckets(at, account):
        if bucket.id == id:
            break
    else:
        return None
    what, detail = f"s3://{bucket.name}/{key}", {"account": account, "bucket": bucket.name}
    detail["key"] = key
    if version_id:
        what, detail["version"] = f"{what}?versionId={version_id}", version_id
    if upload_id:
        what, detail["upload"] = f"{what}?uploadId={upload_id}", upload_id
    return BodyOwner("s3", what, detail)


def scan_names(at: Snapshot, *, after_name: str | None = None) -> Iterator[str]:
    """Of the buckets of all accounts."""
    after_key = None if after_name is None else (after_name,)
    return (bucket.name for bucket in _BUCKETS.scan(at, NAMES, after_key=after_key))


def next_sequence(tx: Transaction, bucket: Bucket, now_ms: int) -> int:
    """Grows with every event of the bucket, in the order in which they committed."""
    previous = _SEQUENCES.find(tx, bucket.home)
    following = now_ms << 16
    if previous is not None and previous.last >= following:
        following = previous.last + 1
    _SEQUENCES.put(tx, bucket.home, Sequence(following))
    return following
