"""An access point in the way of a request: what stands on its side, and which bucket lies behind it.

Two decisions are made of each request: may the caller do this through the point, by the point's policy; and may they
do it in the bucket, by the bucket's, which is told by which point they come. The one engine makes both.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from pilvi.identity.permissions import OnResource
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.languages.policy import RESOURCE, Attachment, Document, Origin, document
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.points import records, rules
from pilvi.services.s3.points.records import AccessPoint
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.rules import point_names as names
from pilvi.services.s3.rules import policies
from pilvi.services.s3.rules.names import bucket_arn, object_arn
from pilvi.store.api import Snapshot

_NONE = OnResource()


class _Side(NamedTuple):
    """`restricted`: the policy is public, and for the point's and the bucket's own accounts only."""

    point: AccessPoint | None = None
    stated: tuple[Document, ...] = ()
    restricted: bool = False


def _side_of(at: Snapshot, named: str) -> _Side:
    point = records.find(at, named)
    if point is None:
        return _Side()
    if point.policy is None:
        return _Side(point)
    origin = Origin(Attachment.RESOURCE, holder=point.arn)
    stated = (document(point.policy, RESOURCE, origin, point.policy_ids),)
    restricts = point.block.restrict_buckets
    account = buckets.find_account_block(at, point.account)
    if account is not None:
        restricts = restricts or account.restrict_buckets
    return _Side(point, stated, restricts and policies.is_public(point.policy))


async def on_point(call: Call, resource: str) -> OnResource:
    """What stands on the side of the point that a request names in a bucket's place; nothing where there is none."""
    asked = names.asked_for(resource, call.region)
    if asked is None:
        return _NONE
    side = await call.cloud.kept(_side_of, most=limits.BUCKETS_KEPT).get(asked[0])
    point = side.point
    if point is None:
        return _NONE
    key = asked[1]
    told = rules.keys_of(point)
    stated = side.stated
    if side.restricted and not (
        call.principal.authenticated
        and call.principal.account in (point.account, point.bucket_account)
    ):
        stated = ()
    return OnResource(
        point.account,
        stated,
        arn=f"{point.arn}/object/{key}" if key else point.arn,
        context={**told, **tags.of_resource(point.tags or {})},
        behind=object_arn(point.bucket, key) if key else bucket_arn(point.bucket),
        passed=told,
    )


async def on_own(call: Call, resource: str) -> OnResource:
    """Of a point itself, which S3 Control is asked about: it is its account's alone."""
    parts = resource.split(":", 5)
    account = parts[4] if len(parts) == 6 and parts[4].isdigit() else ""
    asked = names.of_arn(resource)
    if asked is None:
        return OnResource(account)
    point = (await call.cloud.kept(_side_of, most=limits.BUCKETS_KEPT).get(asked[0])).point
    if point is None:
        region, name = asked[0].split("/")[1:]
        told = {"s3:dataaccesspointarn": (names.arn(region, account, name),)}
        return OnResource(account, context={**told, "s3:dataaccesspointaccount": (account,)})
    told = {**rules.keys_of(point), **tags.of_resource(point.tags or {})}
    return OnResource(account, context=told)


async def find(cloud: Cloud, named: str, region: str) -> AccessPoint | None:
    """The point that a request of this region names in a bucket's place."""
    reference = names.reference(named, region)
    if reference is None:
        return None
    return (await cloud.kept(_side_of, most=limits.BUCKETS_KEPT).get(reference)).point


def behind(call: Call, at: Snapshot, named: str) -> Bucket:
    """The bucket that a request names by one of its points, with what the point blocks as well.

    Raises: NoSuchBucket, NoSuchAccessPoint, MethodNotAllowed, AccessDenied (the point is for a VPC alone).
    """
    reference = names.reference(named, call.region)
    point = None if reference is None else records.find(at, reference)
    if point is None:
        if names.is_arn(named):
            raise errors.NoSuchAccessPoint(named.rpartition(":")[2].rpartition("/")[2])
        raise errors.NoSuchBucket(named)
    if call.operation not in rules.OPERATIONS:
        method = call.request.method if call.request is not None else "GET"
        raise errors.MethodNotAllowed({"Method": method, "ResourceType": "ACCESSPOINT"})
    if point.vpc:
        raise errors.AccessDenied()  # there are no networks that a request could come from
    bucket = records.bucket_behind(at, point)
    block = rules.blocked(bucket.public_access, point.block)
    return msgspec.structs.replace(bucket, public_access=block)


def ignores_acls(at: Snapshot, arn: str) -> bool:
    """Whether public lists do not count on the way through the point."""
    asked = names.of_arn(arn)
    point = None if asked is None else records.find(at, asked[0])
    return point is not None and point.block.ignore_acls
