"""Single settings of buckets: who pays for requests, transfer acceleration; and what AWS has given up."""

from __future__ import annotations

from typing import Any, NoReturn

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, integrity
from pilvi.services.s3.records import buckets, configurations
from pilvi.services.s3.records.buckets import BUCKET_OWNER, REQUESTER
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    GetBucketAccelerateConfigurationOutput,
    GetBucketAccelerateConfigurationRequest,
    GetBucketRequestPaymentOutput,
    GetBucketRequestPaymentRequest,
    GetObjectTorrentRequest,
    PutBucketAccelerateConfigurationRequest,
    PutBucketRequestPaymentRequest,
)
from pilvi.store.api import Snapshot, Transaction

_ACCELERATE = "accelerate"


@s3.write("PutBucketRequestPayment")
def put_bucket_request_payment(
    call: Call, tx: Transaction, req: PutBucketRequestPaymentRequest
) -> dict[str, Any]:
    """Where requesters pay, other accounts must say that they know it; nobody is charged here.

    Raises: MalformedXML. AWS: PutBucketRequestPayment; User Guide, "Using Requester Pays general purpose buckets".
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    payer = req["RequestPaymentConfiguration"].get("Payer")
    if payer not in (BUCKET_OWNER, REQUESTER):
        raise errors.MalformedXML()
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, payer=payer))
    return {}


@s3.read("GetBucketRequestPayment")
def get_bucket_request_payment(
    call: Call, at: Snapshot, req: GetBucketRequestPaymentRequest
) -> GetBucketRequestPaymentOutput:
    """AWS: GetBucketRequestPayment."""
    return {"Payer": access.admit(call, at, req).payer}


@s3.write("PutBucketAccelerateConfiguration")
def put_bucket_accelerate_configuration(
    call: Call, tx: Transaction, req: PutBucketAccelerateConfigurationRequest
) -> dict[str, Any]:
    """Keep what is wished; there is but one way to a bucket here, and it is not made faster.

    Raises: MalformedXML, InvalidRequest (a name with periods). AWS: PutBucketAccelerateConfiguration.
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    if "." in bucket.name:
        raise errors.InvalidRequest(
            detail="S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"
        )
    status = req["AccelerateConfiguration"].get("Status")
    if status not in ("Enabled", "Suspended"):
        raise errors.MalformedXML()
    known = configurations.find(tx, bucket, _ACCELERATE) is not None
    if status == "Enabled" or known:
        configurations.put(tx, bucket, _ACCELERATE, {"Status": status})
    return {}


@s3.read("GetBucketAccelerateConfiguration")
def get_bucket_accelerate_configuration(
    call: Call, at: Snapshot, req: GetBucketAccelerateConfigurationRequest
) -> GetBucketAccelerateConfigurationOutput:
    """Nothing until it was enabled once. AWS: GetBucketAccelerateConfiguration."""
    bucket = access.admit(call, at, req)
    found = configurations.find(at, bucket, _ACCELERATE)
    return {} if found is None else {"Status": found["Status"]}


@s3.read("GetObjectTorrent")
def get_object_torrent(call: Call, at: Snapshot, req: GetObjectTorrentRequest) -> NoReturn:
    """AWS has given torrents up. Raises: MethodNotAllowed. AWS: GetObjectTorrent."""
    access.admit(call, at, req)
    req["Key"]
    raise errors.MethodNotAllowed()
