"""What makes a bucket a website; the pages themselves are served by `websites.py`."""

from __future__ import annotations

from typing import Any, cast

from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, integrity
from pilvi.services.s3.records import configurations
from pilvi.services.s3.rules import websites
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    DeleteBucketWebsiteRequest,
    GetBucketWebsiteOutput,
    GetBucketWebsiteRequest,
    PutBucketWebsiteRequest,
)
from pilvi.store.api import Snapshot, Transaction

WEBSITE = "website"


@s3.write("PutBucketWebsite")
def put_bucket_website(call: Call, tx: Transaction, req: PutBucketWebsiteRequest) -> dict[str, Any]:
    """Say how the bucket answers at its website endpoint; who may read there, policies and lists say.

    Raises: InvalidArgument, InvalidRequest, MalformedXML. AWS: PutBucketWebsite.
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    document = websites.configuration(req["WebsiteConfiguration"])
    configurations.put(tx, bucket, WEBSITE, document)
    return {}


@s3.read("GetBucketWebsite")
def get_bucket_website(
    call: Call, at: Snapshot, req: GetBucketWebsiteRequest
) -> GetBucketWebsiteOutput:
    """Raises: NoSuchWebsiteConfiguration. AWS: GetBucketWebsite."""
    bucket = access.admit(call, at, req)
    found = configurations.find(at, bucket, WEBSITE)
    if found is None:
        raise errors.NoSuchWebsiteConfiguration(bucket.name)
    return cast("GetBucketWebsiteOutput", found)


@s3.write("DeleteBucketWebsite")
def delete_bucket_website(
    call: Call, tx: Transaction, req: DeleteBucketWebsiteRequest
) -> dict[str, Any]:
    """Without effect where there is none. AWS: DeleteBucketWebsite."""
    configurations.delete(tx, access.admit(call, tx, req), WEBSITE)
    return {}
