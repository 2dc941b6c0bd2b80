"""Server access logs: what may be configured, how a line is written, what a log object is called.

AWS: S3 User Guide, "Logging requests with server access logging", "Amazon S3 server access log format".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.identity import version2
from pilvi.identity.principal import Principal
from pilvi.kit.service import Answered
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.records.buckets import Bucket, Logging
from pilvi.services.s3.rules import names
from pilvi.services.s3.rules.configurations import Document, Template, copied

_GRANTEE = {"DisplayName": None, "EmailAddress": None, "ID": None, "Type": None, "URI": None}
_TEMPLATE: Template = {
    "TargetBucket": None,
    "TargetPrefix": None,
    "TargetGrants": [{"Grantee": _GRANTEE, "Permission": None}],
    "TargetObjectKeyFormat": {
        "SimplePrefix": {},
        "PartitionedPrefix": {"PartitionDateSource": None},
    },
}

_RESOURCES = {
    "AbortMultipartUpload": "UPLOAD",
    "CompleteMultipartUpload": "UPLOAD",
    "CopyObject": "OBJECT",
    "CreateMultipartUpload": "UPLOADS",
    "DeleteObjects": "MULTI_OBJECT_DELETE",
    "GetBucketAcl": "ACL",
    "GetObjectAcl": "ACL",
    "PutBucketAcl": "ACL",
    "PutObjectAcl": "ACL",
    "GetBucketLogging": "LOGGING_STATUS",
    "PutBucketLogging": "LOGGING_STATUS",
    "ListMultipartUploads": "UPLOADS",
    "ListObjectVersions": "BUCKETVERSIONS",
    "ListParts": "UPLOAD",
    "UploadPart": "PART",
    "UploadPartCopy": "PART",
}
_SUBRESOURCES = {
    "accelerate": "ACCELERATE",
    "cors": "CORS",
    "encryption": "ENCRYPTION",
    "location": "LOCATION",
    "notification": "NOTIFICATION",
    "ownershipControls": "OWNERSHIP_CONTROLS",
    "policy": "BUCKETPOLICY",
    "policyStatus": "POLICY_STATUS",
    "publicAccessBlock": "PUBLIC_ACCESS_BLOCK",
    "requestPayment": "REQUEST_PAYMENT",
    "versioning": "VERSIONING",
    "website": "WEBSITE",
}


def configuration(given: Mapping[str, Any]) -> Logging:
    """Of LoggingEnabled. Raises: MalformedXML."""
    kept = copied(given, _TEMPLATE)
    grants = cast("list[Document]", kept.get("TargetGrants", []))
    for grant in grants:
        if grant.get("Permission") not in ("FULL_CONTROL", "READ", "WRITE", "READ_ACP"):
            raise errors.MalformedXML()
    form: Document = kept.get("TargetObjectKeyFormat", {})
    partition = form.get("PartitionedPrefix")
    if len(form) > 1:
        raise errors.MalformedXML()
    if partition is not None and partition.get("PartitionDateSource") not in _DATES:
        raise errors.MalformedXML()
    return Logging(kept["TargetBucket"], kept["TargetPrefix"], kept)


_DATES = ("EventTime", "DeliveryTime")


def line(bucket: Bucket, answered: Answered, point: str) -> str:
    """One request, as AWS tells of it. `point`: the ARN of the access point that it came through; "" for none."""
    request, response = answered.request, answered.response
    told = {name.lower(): value for name, value in response.headers}
    principal = answered.principal
    kind = _kind_of_signature(request, principal)
    method, _, key = _parts(request)
    query = _SECRETS.sub(r"\1=REDACTED", request.query)
    target = request.path + (f"?{query}" if query else "")
    fields = [
        names.canonical_id(bucket.account),
        bucket.name,
        datetime.fromtimestamp(answered.at_ms // 1000, UTC).strftime("[%d/%b/%Y:%H:%M:%S +0000]"),
        request.client_host or "-",
        _requester(principal),
        answered.request_id,
        _operation(answered, method, key),
        _bare(key),
        _quoted(f"{request.method} {target} HTTP/1.1"),
        str(response.status),
        answered.error or told.get("x-amz-error-code", "-"),
        _size(response),
        _object_size(request, response),
        str(answered.took_ms),
        str(answered.took_ms),
        _quoted(request.headers.get("referer", "")),
        _quoted(request.headers.get("user-agent", "")),
        told.get("x-amz-version-id", "-"),
        told.get("x-amz-id-2", "-"),
        "-" if not kind else "SigV2" if version2.is_claimed(request) else "SigV4",
        "-",
        kind or "-",
        _bare(request.headers.get("host", "")),
        f"TLSv{request.tls_version}" if request.tls_version else "-",
        point or "-",
        "-",
    ]
    return " ".join(fields)


def line_of_itself(
    bucket: Bucket, at_ms: int, request_id: str, operation: str, key: str, size: int, version: str
) -> str:
    """What S3 did by lifecycle rules: there was no request."""
    fields = [
        names.canonical_id(bucket.account),
        bucket.name,
        datetime.fromtimestamp(at_ms // 1000, UTC).strftime("[%d/%b/%Y:%H:%M:%S +0000]"),
        "-",
        "AmazonS3",
        request_id,
        operation,
        _bare(key),
        _quoted(""),
        *("-",) * 3,
        str(size) if size else "-",
        *("-",) * 2,
        _quoted(""),
        _quoted(""),
        version or "-",
        *("-",) * 8,
    ]
    return " ".join(fields)


def _parts(request: HttpRequest) -> tuple[str, str, str]:
    bucket, _, key = request.path.lstrip("/").partition("/")
    return request.method, bucket, key


def _operation(answered: Answered, method: str, key: str) -> str:
    if answered.operation == "s3-website":
        return f"WEBSITE.{method}.OBJECT"
    if answered.operation == "s3-options":
        return "REST.OPTIONS.PREFLIGHT"
    verb = "COPY" if answered.operation in ("CopyObject", "UploadPartCopy") else method
    resource = _RESOURCES.get(answered.operation)
    if resource is None:
        asked = dict(parse_qsl(answered.request.query, keep_blank_values=True))
        resource = "OBJECT" if key else "BUCKET"
        if "tagging" in asked:
            resource = "OBJECT_TAGGING" if key else "TAGGING"
        for name, shown in _SUBRESOURCES.items():
            if name in asked and not key:
                resource = shown
    return f"REST.{verb}.{resource}"


def _requester(principal: Principal | None) -> str:
    if principal is None or not principal.authenticated:
        return "-"
    if principal.is_root and principal.account:
        return names.canonical_id(principal.account)
    return principal.arn


def _kind_of_signature(request: HttpRequest, principal: Principal | None) -> str:
    if principal is None or not principal.authenticated:
        return ""
    return "AuthHeader" if "authorization" in request.headers else "QueryString"


def _size(response: HttpResponse) -> str:
    size = response.length
    if isinstance(response.body, bytes):
        size = len(response.body) if size is None else size
    return str(size) if size else "-"


def _object_size(request: HttpRequest, response: HttpResponse) -> str:
    """Of what is put, or of what is got whole or in part."""
    if request.method == "PUT":
        told = request.headers.get("x-amz-decoded-content-length")
        told = told or request.headers.get("content-length", "")
        return told if told.isdigit() and told != "0" else "-"
    for name, value in response.headers:
        if name.lower() == "content-range":
            return value.rpartition("/")[2]
    return _size(response) if response.status == 200 else "-"


_SECRETS = re.compile(r"(X-Amz-Signature|X-Amz-Security-Token)=[^&]*", re.IGNORECASE)
"""Whoever reads a log must not be able to send its presigned requests again."""


def _quoted(text: str) -> str:
    """What others wrote must not end a field or a line."""
    shown = (one if one.isprintable() and one != '"' else _escaped(one) for one in _cut(text))
    return f'"{"".join(shown) or "-"}"'


def _bare(text: str) -> str:
    """The same of a field without quotation marks."""
    shown = (one if one.isprintable() and one not in ' "' else _escaped(one) for one in _cut(text))
    return "".join(shown) or "-"


def _cut(text: str) -> str:
    return text[: limits.LOG_FIELD_LENGTH_MAX]


def _escaped(one: str) -> str:
    return "".join(f"%{byte:02X}" for byte in one.encode())


def key_of(bucket: Bucket, logging: Logging, ids: Sequence[str], at_ms: int, first_ms: int) -> str:
    """The same for the same lines, so that a delivery that is repeated replaces itself."""
    mark = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16].upper()
    moment = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d-%H-%M-%S")
    form: Document = logging.document.get("TargetObjectKeyFormat", {})
    partition: Document | None = form.get("PartitionedPrefix")
    if partition is None:
        return f"{logging.prefix}{moment}-{mark}"
    by_event = partition["PartitionDateSource"] == "EventTime"
    day = datetime.fromtimestamp((first_ms if by_event else at_ms) // 1000, UTC)
    place = f"{bucket.account}/{bucket.region}/{bucket.name}/{day:%Y/%m/%d}"
    return f"{logging.prefix}{place}/{moment}-{mark}"
