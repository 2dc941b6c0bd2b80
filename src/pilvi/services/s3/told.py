"""What requests, buckets and objects tell policies, when one of them asks.

Only `s3:prefix` and its kin are told of every listing, in `service.py`. Tags of a bucket are told where attribute-based
access control was switched on for it.
AWS: S3 User Guide, "Policy actions, resources and condition keys for Amazon S3", "Tagging and access control policies";
S3 API Reference, "Amazon S3 Signature Version 4 Authentication Specific Policy Keys".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from pilvi.base.http import HttpRequest
from pilvi.identity import version2
from pilvi.identity.actions import keys_about
from pilvi.identity.signatures import instant_ms
from pilvi.kit import tags as kit_tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Tells
from pilvi.languages.policy import family_of
from pilvi.protocol.timestamps import iso8601
from pilvi.services.s3 import errors
from pilvi.services.s3.points import records as points_records
from pilvi.services.s3.records import batch_jobs, buckets, objects, versions
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.rules import names, tags, version_names
from pilvi.services.s3.rules import point_names as points
from pilvi.store.api import Snapshot

Keys = dict[str, tuple[str, ...]]
Request = Mapping[str, Any]

_GIVEN = {
    "s3:x-amz-acl": "ACL",
    "s3:x-amz-grant-full-control": "GrantFullControl",
    "s3:x-amz-grant-read": "GrantRead",
    "s3:x-amz-grant-read-acp": "GrantReadACP",
    "s3:x-amz-grant-write": "GrantWrite",
    "s3:x-amz-grant-write-acp": "GrantWriteACP",
    "s3:x-amz-storage-class": "StorageClass",
    "s3:x-amz-metadata-directive": "MetadataDirective",
    "s3:x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "s3:x-amz-object-ownership": "ObjectOwnership",
    "s3:x-amz-bucket-namespace": "BucketNamespace",
    "s3:x-amz-server-side-encryption": "ServerSideEncryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "s3:x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "s3:versionid": "VersionId",
    "s3:if-match": "IfMatch",
    "s3:if-none-match": "IfNoneMatch",
}
_MADE = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload"})
"""These leave a new object behind; of the others that ask for s3:PutObject none does."""
_OF_CALLS = (
    *("s3:authtype", "s3:resourceaccount", "s3:signatureage", "s3:signatureversion"),
    *("s3:tlsversion", "s3:x-amz-content-sha256"),
)
_LOCKS = (
    *("s3:object-lock-mode", "s3:object-lock-legal-hold"),
    *("s3:object-lock-remaining-retention-days", "s3:object-lock-retain-until-date"),
)
_DAY_MS = 24 * 60 * 60 * 1000
_OF_JOBS = (
    *("s3:requestjoboperation", "s3:requestjobpriority", "s3:jobsuspendedcause"),
    *("s3:existingjoboperation", "s3:existingjobpriority"),
)
_NEVER = (
    *("aws:resourcetag/*", "s3:accessgrantsinstancearn"),
    *("s3:accesspointnetworkorigin", "s3:accesspointtag/*"),
    *("s3:dataaccesspointaccount", "s3:dataaccesspointarn"),
)
"""There are no access grants: whoever asks for one is refused. What an access point tells is told with it
(`points/sides.py`), and absent from all other requests."""


async def _tell(call: Call, asked: Permission, resource: str) -> Mapping[str, tuple[str, ...]]:
    told = _of_call(call)
    req = cast("Request", asked.told) if isinstance(asked.told, Mapping) else None
    version_id = version_names.of_permission(req)
    told.update(await call.view(lambda at: _stored(at, call, resource, version_id)))
    if req is not None:
        told.update(_of_request(call.operation, req))
        told.update(_of_job_request(req))
        told.update(_of_lock(req, call.now_ms))
    about = keys_about(asked.action) or frozenset[str]()
    return {key: v for key, v in told.items() if key in about or family_of(key) in about}


tells = Tells(
    frozenset(
        {
            *_GIVEN,
            *_OF_CALLS,
            *_LOCKS,
            *_NEVER,
            *_OF_JOBS,
            *(
                "s3:buckettag/*",
                "s3:existingobjecttag/*",
                "s3:requestobjecttag/*",
                "s3:requestobjecttagkeys",
            ),
            *("s3:locationconstraint", "s3:objectcreationoperation", "s3:x-amz-copy-source"),
        }
    ),
    _tell,
)


def _of_call(call: Call) -> Keys:
    """How the request is signed, and what it came over."""
    request = call.request
    if request is None:
        return {}
    told: Keys = {}
    hashed = request.headers.get("x-amz-content-sha256")
    if request.tls_version:
        told["s3:tlsversion"] = (request.tls_version,)
    if call.principal.authenticated:
        kind, signed_at = _signature(request)
        told["s3:authtype"] = (kind,)
        old = version2.is_claimed(request) or (kind == "POST" and signed_at is None)
        told["s3:signatureversion"] = ("AWS" if old else "AWS4-HMAC-SHA256",)
        if signed_at is not None:
            told["s3:signatureage"] = (
                str(max(0, call.cloud.clock.judging_ms(signed_at) - signed_at)),
            )
        if kind == "REST-QUERY-STRING" and not old:
            hashed = hashed or "UNSIGNED-PAYLOAD"
    if hashed is not None:
        told["s3:x-amz-content-sha256"] = (hashed,)
    return told


def _signature(request: HttpRequest) -> tuple[str, int | None]:
    """Where it is, and since when it holds, except in a header: that one is minutes old at most."""
    if "authorization" in request.headers:
        return "REST-HEADER", None
    presigned = version2.is_claimed(request) or "x-amz-signature" in request.query.lower()
    if request.method == "POST" and not presigned:
        return "POST", instant_ms(request.headers.get("x-amz-date", ""))
    query = {name.lower(): value for name, value in parse_qsl(request.query)}
    return "REST-QUERY-STRING", instant_ms(query.get("x-amz-date", ""))


def _stored(at: Snapshot, call: Call, resource: str, version_id: str | None) -> Keys:
    """A version that no object can be called has no tags; the handler refuses it."""
    if ":job/" in resource and not resource.startswith("arn:aws:s3:::"):
        return _stored_job(at, call, resource.rpartition("/")[2])
    through = points.of_arn(resource)
    point = None if through is None else points_records.find(at, through[0])
    if through is not None and point is not None:
        name, key = point.bucket, through[1]
    else:
        name, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
    bucket = buckets.find_bucket(at, name)
    if bucket is None or call.operation == "CreateBucket":
        return {"s3:resourceaccount": (call.account,)}
    told: Keys = {"s3:resourceaccount": (bucket.account if point is None else point.account,)}
    if bucket.abac:
        families = (
            ("s3:buckettag/",) if point is not None else ("s3:buckettag/", "aws:resourcetag/")
        )
        told.update(kit_tags.of_resource(bucket.tags or {}, *families))
    stored = None
    if key and version_id is not None:
        stored = versions.find(
            at, bucket, key, "" if version_id == version_names.NULL else version_id
        )
    elif key:
        stored = objects.find_object(at, bucket, key)
    if isinstance(stored, Object):
        told.update(kit_tags.of_resource(stored.tags, "s3:existingobjecttag/"))
    return told


def _stored_job(at: Snapshot, call: Call, id: str) -> Keys:
    """A batch job, as it is before the request."""
    told: Keys = {"s3:resourceaccount": (call.account,)}
    job = batch_jobs.find(at, (call.account, call.region), id)
    if job is not None:
        told["s3:existingjoboperation"] = (job.operation,)
        told["s3:existingjobpriority"] = (str(job.priority),)
        if job.status == batch_jobs.SUSPENDED:
            told["s3:jobsuspendedcause"] = (batch_jobs.SUSPENDED_BECAUSE,)
        told.update(kit_tags.of_resource(job.tags))
    return told


def _of_job_request(req: Request) -> Keys:
    told: Keys = {}
    operation = req.get("Operation")
    if isinstance(operation, Mapping):
        told["s3:requestjoboperation"] = tuple(map(str, cast("Request", operation)))
    if "Priority" in req:
        told["s3:requestjobpriority"] = (str(req["Priority"]),)
    return told


def _of_request(operation: str, req: Request) -> Keys:
    """Raises: InvalidArgument, InvalidTag, MalformedXML for tags that are none."""
    told: Keys = {key: (str(req[name]),) for key, name in _GIVEN.items() if name in req}
    told["s3:objectcreationoperation"] = ("true" if operation in _MADE else "false",)
    if "CopySource" in req:
        told["s3:x-amz-copy-source"] = (_source(str(req["CopySource"])),)
    anew = cast("Request", req.get("ObjectEncryption") or {}).get("SSEKMS")
    if isinstance(anew, Mapping):
        told["s3:x-amz-server-side-encryption"] = ("aws:kms",)
        key = cast("Request", anew).get("KMSKeyArn")
        if key:
            told["s3:x-amz-server-side-encryption-aws-kms-key-id"] = (str(key),)
    configuration = req.get("CreateBucketConfiguration")
    if isinstance(configuration, Mapping):
        place = cast("Request", configuration).get("LocationConstraint")
        if place:
            told["s3:locationconstraint"] = (str(place),)
    given: object = req.get("Tagging")
    if isinstance(given, str):
        given = tags.tags_of_header(given)
    elif isinstance(given, Mapping):
        listed = cast("Request", given).get("TagSet")
        given = tags.tags_of(
            cast("list[Request]", listed) if isinstance(listed, list) else [], of_bucket=False
        )
    else:
        given = dict[str, str]()
    told.update(
        kit_tags.of_request(given.items(), "s3:requestobjecttag/", "s3:requestobjecttagkeys")
    )
    return told


def _of_lock(req: Request, now_ms: int) -> Keys:
    """Retention and legal hold, by the headers of a write or by a document."""
    retention = cast("Request", req.get("Retention") or {})
    hold = cast("Request", req.get("LegalHold") or {})
    mode = req.get("ObjectLockMode", retention.get("Mode"))
    held = req.get("ObjectLockLegalHoldStatus", hold.get("Status"))
    until_ms: int | None = req.get("ObjectLockRetainUntilDate", retention.get("RetainUntilDate"))
    told: Keys = {}
    if mode is not None:
        told["s3:object-lock-mode"] = (str(mode),)
    if held is not None:
        told["s3:object-lock-legal-hold"] = (str(held),)
    if until_ms is not None:
        days = -((now_ms - until_ms) // _DAY_MS)
        told["s3:object-lock-remaining-retention-days"] = (str(days),)
        told["s3:object-lock-retain-until-date"] = (iso8601(until_ms),)
    return told


def _source(text: str) -> str:
    """In one form, whatever was escaped: a policy about a source is about what is read."""
    try:
        bucket, key, _ = names.copy_source(text)
    except errors.InvalidArgument:
        return text  # the handler refuses it
    return f"{bucket}/{key}"
