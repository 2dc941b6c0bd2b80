"""CORS: the rules of a bucket, the preflights that they answer, and the headers on other answers."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.kit.call import Call
from pilvi.protocol.rest import s3_ids
from pilvi.services.s3 import access, errors, integrity, responses
from pilvi.services.s3.records import buckets
from pilvi.services.s3.rules import cors
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    DeleteBucketCorsRequest,
    GetBucketCorsOutput,
    GetBucketCorsRequest,
    PutBucketCorsRequest,
)
from pilvi.store.api import Snapshot, Transaction

_NOT_ALLOWED = (
    "This CORS request is not allowed. This is usually because the evalution of Origin, request method /"
    " Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's"
    " CORS spec."
)


@s3.write("PutBucketCors")
def put_bucket_cors(call: Call, tx: Transaction, req: PutBucketCorsRequest) -> dict[str, Any]:
    """Replace the bucket's rules. Raises: MalformedXML, InvalidRequest. AWS: PutBucketCors."""
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    given = cors.rules_of(req["CORSConfiguration"])
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, cors=given))
    return {}


@s3.read("GetBucketCors")
def get_bucket_cors(call: Call, at: Snapshot, req: GetBucketCorsRequest) -> GetBucketCorsOutput:
    """Raises: NoSuchCORSConfiguration. AWS: GetBucketCors."""
    bucket = access.admit(call, at, req)
    if not bucket.cors:
        raise errors.NoSuchCORSConfiguration(bucket.name)
    return {"CORSRules": [cors.described(rule) for rule in bucket.cors]}


@s3.write("DeleteBucketCors")
def delete_bucket_cors(call: Call, tx: Transaction, req: DeleteBucketCorsRequest) -> dict[str, Any]:
    """AWS: DeleteBucketCors."""
    bucket = access.admit(call, tx, req)
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, cors=()))
    return {}


# --- browsers


@s3.endpoint("s3-options")
async def answer_preflight(call: Call, request: HttpRequest) -> HttpResponse:
    """OPTIONS on a bucket or an object; asked without credentials.

    Raises: BadRequest (no Origin), AccessForbidden.
    AWS: User Guide, "Troubleshooting CORS"; RESTOPTIONSobject.
    """
    origin = request.headers.get("origin")
    if not origin:
        raise errors.BadRequest(detail="Insufficient information. Origin request header needed.")
    method = request.headers.get("access-control-request-method", "OPTIONS")
    bucket = await call.cloud.store.read(lambda at: responses.bucket_of(at, request))
    if bucket is None or not bucket.cors:
        detail = "Bucket not found" if bucket is None else "CORS is not enabled for this bucket."
        members = {
            "Method": method if bucket is not None else "OPTIONS",
            "ResourceType": "BUCKET",
        }
        raise errors.AccessForbidden(members, detail=detail)
    asked = cors.names_in(request.headers.get("access-control-request-headers", ""))
    rule = cors.find_rule(bucket.cors, origin, method, asked)
    if rule is None:
        raise errors.AccessForbidden(
            {"Method": method, "ResourceType": "OBJECT" if _key_of(request) else "BUCKET"},
            detail=_NOT_ALLOWED,
        )
    headers = [*cors.answer_headers(rule, origin, asked), *s3_ids(call.request_id)]
    return HttpResponse(200, headers, b"")


def _key_of(request: HttpRequest) -> str:
    return request.path.lstrip("/").partition("/")[2]
