"""What is stored of access points, under the namespace that all accounts share: requests of any account name them.

1. A point names its bucket and the bucket's account: a bucket of the same name in another account is not its bucket.
2. Aliases are random and unique; so whoever looks for one needs no account.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.services.s3 import errors, limits
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import NAMES, Bucket, PublicAccess
from pilvi.services.s3.rules import point_names as names
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection


class AccessPoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """`vpc`: the network that it may be reached from alone; "" for the Internet."""

    account: str
    region: str
    name: str
    alias: str
    bucket: str
    bucket_account: str
    created_at_ms: int
    block: PublicAccess
    vpc: str = ""
    policy: str | None = None
    policy_ids: dict[str, str] | None = None
    """Unique ids of the users and roles that the policy names, as they were when it was saved."""
    tags: dict[str, str] | None = None

    @property
    def arn(self) -> str:
        return names.arn(self.region, self.account, self.name)

    @property
    def origin(self) -> str:
        return "VPC" if self.vpc else "Internet"


_POINTS = Collection(
    "s3.access_point",
    AccessPoint,
    key=lambda point: (point.account, point.region, point.name),
    indexes={
        "alias": lambda point: (point.alias,),
        "bucket": lambda point: (point.bucket, point.account),
    },
    kept=True,
)


def find(at: Snapshot, named: str) -> AccessPoint | None:
    """`named`: as `names.reference` says."""
    if names.is_alias(named):
        return next(_POINTS.scan_index(at, NAMES, "alias", (named,), limit=1), None)
    account, region, name = named.split("/", 2)
    return _POINTS.find(at, NAMES, account, region, name)


def get(at: Snapshot, account: str, region: str, name: str) -> AccessPoint:
    """Raises: NoSuchAccessPoint."""
    point = _POINTS.find(at, NAMES, account, region, name)
    if point is None:
        raise errors.NoSuchAccessPoint(name)
    return point


def add(tx: Transaction, point: AccessPoint) -> None:
    """Raises: AccessPointAlreadyOwnedByYou, TooManyAccessPoints."""
    if _POINTS.find(tx, NAMES, point.account, point.region, point.name) is not None:
        raise errors.AccessPointAlreadyOwnedByYou()
    most = limits.ACCESS_POINTS_MAX
    if _POINTS.count(tx, NAMES, (point.account, point.region), limit=most) >= most:
        raise errors.TooManyAccessPoints()
    _POINTS.put(tx, NAMES, point)


def put(tx: Transaction, point: AccessPoint) -> None:
    _POINTS.put(tx, NAMES, point)


def delete(tx: Transaction, point: AccessPoint) -> None:
    _POINTS.delete(tx, NAMES, point.account, point.region, point.name)


def scan(at: Snapshot, account: str, region: str, after_name: str | None) -> Iterator[AccessPoint]:
    """An account's, by name."""
    after = None if after_name is None else (account, region, after_name)
    return _POINTS.scan(at, NAMES, (account, region), after_key=after)


def scan_of_bucket(
    at: Snapshot, bucket: str, account: str, region: str, after_name: str | None
) -> Iterator[AccessPoint]:
    """Those of an account that lead to the bucket, by name."""
    after = None if after_name is None else (bucket, account, account, region, after_name)
    found = _POINTS.scan_index(at, NAMES, "bucket", (bucket, account), after_entry=after)
    return (point for point in found if point.region == region)


def has_any(at: Snapshot, bucket: Bucket) -> bool:
    """Whether the bucket's own account has a point of it: those of others do not keep a bucket."""
    found = _POINTS.scan_index(at, NAMES, "bucket", (bucket.name, bucket.account))
    return any(point.bucket_account == bucket.account for point in found)


def bucket_behind(at: Snapshot, point: AccessPoint) -> Bucket:
    """Raises: NoSuchBucket."""
    bucket = buckets.find_bucket(at, point.bucket)
    if bucket is None or (bucket.account, bucket.region) != (point.bucket_account, point.region):
        raise errors.NoSuchBucket(point.bucket)
    return bucket
