"""Buckets and all that is configured on them; one small record, read by every request."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.base.arn import GLOBAL_REGION
from pilvi.services.s3 import errors, limits
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key, span

NAMES: Key = ("aws", GLOBAL_REGION)
"""Home of the bucket records: the namespace that all accounts share."""


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


def next_sequence(tx: Transaction, bucket: Bucket, now_ms: int) -> int:
    """Grows with every event of the bucket, in the order in which they committed."""
    previous = _SEQUENCES.find(tx, bucket.home)
    following = now_ms << 16
    if previous is not None and previous.last >= following:
        following = previous.last + 1
    _SEQUENCES.put(tx, bucket.home, Sequence(following))
    return following
