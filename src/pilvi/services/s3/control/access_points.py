"""Access points of buckets: create, look, list, delete.

AWS: S3 User Guide, "Creating access points", "Managing your access points".
"""

from __future__ import annotations

from typing import Any

from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.s3 import errors, limits, wire_control
from pilvi.services.s3.control import tags
from pilvi.services.s3.control.service import account_of, s3control
from pilvi.services.s3.points import records
from pilvi.services.s3.points.records import AccessPoint
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import PublicAccess
from pilvi.services.s3.rules import point_names as names
from pilvi.services.s3.rules import public_access
from pilvi.services.s3.wire_control import (
    CreateAccessPointRequest,
    CreateAccessPointResult,
    DeleteAccessPointRequest,
    GetAccessPointRequest,
    GetAccessPointResult,
    ListAccessPointsRequest,
    ListAccessPointsResult,
)
from pilvi.store.api import Snapshot, Transaction

_NO_BUCKET = "Amazon S3 AccessPoint can only be created for existing bucket"


@s3control.write("CreateAccessPoint")
def create_access_point(
    call: Call, tx: Transaction, req: CreateAccessPointRequest
) -> CreateAccessPointResult:
    """Give a bucket of this region another name; of another account's bucket, too, which must then let it in.

    What it blocks is settled now: everything, unless the request says otherwise.
    Raises: InvalidURI, InvalidRequest (no such bucket), AccessDenied (another's bucket without BucketAccountId),
        AccessPointAlreadyOwnedByYou, TooManyAccessPoints, InvalidTag.
    AWS: CreateAccessPoint.
    """
    account = account_of(call, req)
    name: str = req["Name"]
    names.check(name)
    bucket = buckets.find_bucket(tx, req["Bucket"])
    owner: str | None = req.get("BucketAccountId")
    if bucket is None or bucket.region != call.region or owner not in (None, bucket.account):
        raise errors.InvalidRequest(detail=_NO_BUCKET)
    if bucket.account != account and owner is None:
        raise errors.AccessDenied()
    given = req.get("PublicAccessBlockConfiguration")
    network = req.get("VpcConfiguration")
    if network is not None and not network.get("VpcId"):
        raise errors.MalformedXML()
    point = AccessPoint(
        account=account,
        region=call.region,
        name=name,
        alias=names.new_alias(name, call.entropy),
        bucket=bucket.name,
        bucket_account=bucket.account,
        created_at_ms=call.now_ms,
        block=PublicAccess() if given is None else public_access.block_of(given),
        vpc="" if network is None else str(network["VpcId"]),
        tags=tags.checked(req.get("Tags") or (), {}) or None,
    )
    records.add(tx, point)
    return {"AccessPointArn": point.arn, "Alias": point.alias}


@s3control.read("GetAccessPoint")
def get_access_point(call: Call, at: Snapshot, req: GetAccessPointRequest) -> GetAccessPointResult:
    """Raises: NoSuchAccessPoint, AccessDenied. AWS: GetAccessPoint."""
    point = records.get(at, account_of(call, req), call.region, req["Name"])
    told: GetAccessPointResult = {
        "Name": point.name,
        "Bucket": point.bucket,
        "NetworkOrigin": point.origin,
        "PublicAccessBlockConfiguration": public_access.told(point.block),
        "CreationDate": point.created_at_ms,
        "Alias": point.alias,
        "AccessPointArn": point.arn,
        "Endpoints": _endpoints(call, point),
        "BucketAccountId": point.bucket_account,
    }
    if point.vpc:
        told["VpcConfiguration"] = {"VpcId": point.vpc}
    return told


def _endpoints(call: Call, point: AccessPoint) -> dict[str, str]:
    """Host names below which the point is found, with its name and account before them."""
    host = f"{point.region}.{call.cloud.settings.external_host}"
    return {
        "ipv4": f"s3-accesspoint.{host}",
        "dualstack": f"s3-accesspoint.dualstack.{host}",
        "fips": f"s3-accesspoint-fips.{host}",
        "fips_dualstack": f"s3-accesspoint-fips.dualstack.{host}",
    }


@s3control.read("ListAccessPoints")
def list_access_points(
    call: Call, at: Snapshot, req: ListAccessPointsRequest
) -> ListAccessPointsResult:
    """The account's points in this region, by name, or those of one bucket.

    Raises: InvalidArgument (a token that was never given), AccessDenied.
    AWS: ListAccessPoints.
    """
    account = account_of(call, req)
    size = min(req.get("MaxResults", 0) or limits.LIST_ACCESS_POINTS_MAX, 1000)
    after = _name_of(req.get("NextToken"))
    bucket: str | None = req.get("Bucket")
    req.get("DataSourceType")  # whatever is asked for, buckets are all that there is
    if bucket is None:
        found = records.scan(at, account, call.region, after)
    else:
        found = records.scan_of_bucket(at, bucket, account, call.region, after)
    source: str | None = req.get("DataSourceId")
    if source is not None:
        found = (point for point in found if point.bucket == source)
    page, more = paging.page_of(found, size)
    told: ListAccessPointsResult = {"AccessPointList": [_listed(point) for point in page]}
    if more:
        told["NextToken"] = paging.token_of((page[-1].name,))
    return told


def _listed(point: AccessPoint) -> wire_control.AccessPoint:
    told: wire_control.AccessPoint = {
        "Name": point.name,
        "NetworkOrigin": point.origin,
        "Bucket": point.bucket,
        "AccessPointArn": point.arn,
        "Alias": point.alias,
        "BucketAccountId": point.bucket_account,
    }
    if point.vpc:
        told["VpcConfiguration"] = {"VpcId": point.vpc}
    return told


def _name_of(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        (name,) = paging.key_of(token)
    except ValueError:
        name = None
    if not isinstance(name, str):
        raise errors.InvalidArgument("The continuation token provided is incorrect", "nextToken")
    return name


@s3control.write("DeleteAccessPoint")
def delete_access_point(
    call: Call, tx: Transaction, req: DeleteAccessPointRequest
) -> dict[str, Any]:
    """The bucket and what is in it stay. Raises: NoSuchAccessPoint, AccessDenied. AWS: DeleteAccessPoint."""
    records.delete(tx, records.get(tx, account_of(call, req), call.region, req["Name"]))
    return {}
