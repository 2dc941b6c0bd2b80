"""Where the access log of a bucket goes."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, integrity
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import Bucket, Logging
from pilvi.services.s3.rules import access_logs
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    GetBucketLoggingOutput,
    GetBucketLoggingRequest,
    PutBucketLoggingRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.write("PutBucketLogging")
def put_bucket_logging(call: Call, tx: Transaction, req: PutBucketLoggingRequest) -> dict[str, Any]:
    """Log the requests on a bucket into another, or no longer.

    Whether logs may be put there is decided when they are, by that bucket's policy and list.

    Raises: InvalidTargetBucketForLogging, CrossLocationLoggingProhibitted, MalformedXML.
    AWS: PutBucketLogging; User Guide, "Logging requests with server access logging".
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    given = req["BucketLoggingStatus"].get("LoggingEnabled")
    logging: Logging | None = None
    if given is not None:
        logging = access_logs.configuration(given)
        _check_target(bucket, logging, buckets.find_bucket(tx, logging.target))
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, logging=logging))
    return {}


def _check_target(bucket: Bucket, logging: Logging, target: Bucket | None) -> None:
    if target is None:
        raise errors.InvalidTargetBucketForLogging(
            logging.target, "The target bucket for logging does not exist"
        )
    if target.account != bucket.account:
        raise errors.InvalidTargetBucketForLogging(
            logging.target,
            "The owner for the bucket to be logged and the target bucket must be the same.",
        )
    if target.region != bucket.region:
        raise errors.CrossLocationLoggingProhibitted(bucket.region, target.region)


@s3.read("GetBucketLogging")
def get_bucket_logging(
    call: Call, at: Snapshot, req: GetBucketLoggingRequest
) -> GetBucketLoggingOutput:
    """Nothing where nothing is logged. AWS: GetBucketLogging."""
    logging = access.admit(call, at, req).logging
    told = {} if logging is None else {"LoggingEnabled": logging.document}
    return cast("GetBucketLoggingOutput", told)
