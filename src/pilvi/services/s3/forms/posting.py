"""POST Object: a form becomes a PutObject of whoever signed its policy.

The order is that of the promises: fields, signature, policy, and only then the file, which streams through the same
handler as any other object. A form with neither signature nor policy is nobody's: only a bucket that anybody may write
to takes it.
AWS: S3 API Reference, "POST Object", "Creating a POST policy".
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from functools import cache
from urllib.parse import quote, unquote, urlencode, urlsplit

from msgspec.structs import replace

from pilvi.base.errors import NotBuilt
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.identity.authenticator import Authenticated
from pilvi.identity.post_policy import Vouch
from pilvi.identity.principal import ANONYMOUS
from pilvi.identity.signatures import instant_ms
from pilvi.kit import execution
from pilvi.kit.call import Call
from pilvi.protocol import Match, codec
from pilvi.protocol.rest import s3_ids
from pilvi.protocol.unreadable import Unreadable
from pilvi.protocol.xml_reader import local_name, parse_document
from pilvi.protocol.xml_writer import DECLARATION, escape
from pilvi.services.s3 import errors
from pilvi.services.s3.forms import policies
from pilvi.services.s3.forms.errors import FileTooSmall, MissingField
from pilvi.services.s3.forms.policies import PostPolicy
from pilvi.services.s3.forms.reading import Form, form_of
from pilvi.services.s3.rules import encoded_words
from pilvi.services.s3.service import s3

_ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNED = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "policy", "X-Amz-Signature")
_SIGNED2 = ("AWSAccessKeyId", "policy", "Signature")
"""The fields of a form that is signed by Version 2."""
_VERSION4 = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
_HEADERS = frozenset(
    {
        "acl",
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-type",
        "expires",
        "tagging",
    }
)
_SPENT = frozenset({name.lower() for name in (*_SIGNED, *_SIGNED2)} | {"x-amz-security-token"})
_LINE_BREAKS = frozenset("\r\n")
_BREAKS = _LINE_BREAKS | {"\0"}
_BEYOND_LATIN = re.compile(r"[^\x00-\xff]")
"""What no header can hold: AWS tells a space in its place."""
_FILENAME = "${filename}"


async def post_object(call: Call, request: HttpRequest, vouch: Vouch) -> HttpResponse:
    """Store the file of a form that was POSTed to a bucket.

    Raises: PreconditionFailed (no form), MalformedPOSTRequest, MaxPostPreDataLengthExceeded, InvalidArgument,
        InvalidPolicyDocument, AccessDenied (policy), EntityTooSmall, EntityTooLarge; as
        PutObject; as the authenticator.
    """
    bucket = unquote(request.path.strip("/"))
    form = form_of(request)
    await form.read_fields()
    fields = form.fields
    if "key" not in fields:
        raise MissingField("key")
    if form.filename is not None:
        fields["key"] = fields["key"].replace(_FILENAME, form.filename)
    if not fields["key"]:
        raise errors.InvalidArgument("User key must have a length greater than 0.", "key", "")
    signer = await _signer(fields, vouch)
    policy = policies.NONE
    if signer is not None:
        policy = policies.read_policy(fields["policy"])
        _check_expiry(call, policy, instant_ms(fields.get("x-amz-date", "")))
        policies.check_fields(policy, fields, bucket)
    stored = await _put(call, request, signer, bucket, form, policy)
    return _answer(request, call, bucket, fields, stored)


async def _signer(fields: Mapping[str, str], vouch: Vouch) -> Authenticated | None:
    """None: nobody in particular. Raises: MissingField; as the authenticator."""
    if not any(name.lower() in fields for name in (*_SIGNED, *_SIGNED2)):
        return None
    if not any(name in fields for name in _VERSION4):
        return await _signer2(fields, vouch)
    for name in _SIGNED:
        if name.lower() not in fields:
            raise MissingField(name)
    if fields["x-amz-algorithm"] != _ALGORITHM:
        raise errors.InvalidArgument(
            f'X-Amz-Algorithm only supports "{_ALGORITHM}"',
            "X-Amz-Algorithm",
            fields["x-amz-algorithm"],
        )
    return await vouch(
        credential_text=fields["x-amz-credential"],
        timestamp=fields["x-amz-date"],
        document=fields["policy"],
        given_signature=fields["x-amz-signature"],
        token=fields.get("x-amz-security-token"),
    )


async def _signer2(fields: Mapping[str, str], vouch: Vouch) -> Authenticated:
    for name in _SIGNED2:
        if name.lower() not in fields:
            raise MissingField(name)
    return await vouch(
        credential_text=fields["awsaccesskeyid"],
        timestamp=None,
        document=fields["policy"],
        given_signature=fields["signature"],
        token=fields.get("x-amz-security-token"),
    )


def _check_expiry(call: Call, policy: PostPolicy, signed_at_ms: int | None) -> None:
    """By the clock, or by the machine's: `Clock.judging_ms`. Version 2 does not say when it was signed."""
    clock = call.cloud.clock
    if signed_at_ms is None:
        now_ms = min(clock.now_ms(), clock.machine_ms())
    else:
        now_ms = clock.judging_ms(signed_at_ms)
    if now_ms >= policy.expires_at_ms:
        raise errors.AccessDenied("Invalid according to Policy: Policy expired.")


async def _put(
    call: Call,
    request: HttpRequest,
    signer: Authenticated | None,
    bucket: str,
    form: Form,
    policy: PostPolicy,
) -> Mapping[str, str]:
    operation = s3.operations["PutObject"]
    headers = _headers(form.fields)
    headers["x-amz-date"] = form.fields.get(
        "x-amz-date", ""
    )  # policies may ask how old the signature is
    plain = replace(request, headers=headers, body=b"", stream=None, read=None)
    match = Match("PutObject", {"Bucket": bucket, "Key": form.fields["key"]})
    made = call.cloud.call(
        operation,
        scope=call.scope if signer is None else signer.scope,
        principal=ANONYMOUS if signer is None else signer.principal,
        request_id=call.request_id,
        request=plain,
    )
    params = codec("s3").parse(match, plain)
    stored = await execution.perform(made, operation, params, _within(form, policy))
    call.headers.extend(made.headers)
    return stored


async def _within(form: Form, policy: PostPolicy) -> AsyncIterator[bytes]:
    """The file, as long as it is of a size that the policy allows. Raises: EntityTooLarge, EntityTooSmall."""
    async for piece in form.file():
        if form.size > policy.size_max:
            raise errors.EntityTooLarge(form.size, policy.size_max)
        yield piece
    if form.size < policy.size_min:
        raise FileTooSmall(form.size, policy.size_min)


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields as the headers that PutObject would have.

    Raises: NotBuilt, MalformedXML, InvalidArgument (a value that would break a header).
    """
    headers: dict[str, str] = {}
    for name, value in fields.items():
        if name in _SPENT:
            continue
        becomes_header = name in _HEADERS or name.startswith("x-amz-")
        metadata = name.startswith("x-amz-meta-")
        breaks = _LINE_BREAKS if metadata else _BREAKS
        if becomes_header and name != "tagging" and not breaks.isdisjoint(value):
            raise errors.InvalidArgument("Header value cannot contain a line break.", name)
        if metadata:
            headers[name] = encoded_words.literal(value)
        elif name in ("acl", "tagging"):
            headers[f"x-amz-{name}"] = _tagging(value) if name == "tagging" else value
        elif name in _HEADERS or name in _known():
            headers[name] = _BEYOND_LATIN.sub(" ", value)
        elif name.startswith("x-amz-"):
            raise NotBuilt(what=f"the form field {name}")
    return headers


@cache
def _known() -> frozenset[str]:
    """PutObject's own headers, those of encryption and object lock among them: it refuses what it cannot do."""
    shape = codec("s3").model.operation("PutObject").input
    assert shape is not None
    named = [
        (m.location_name or "").lower() for m in shape.members.values() if m.location == "header"
    ]
    return frozenset(name for name in named if name.startswith("x-amz-"))


def _tagging(document: str) -> str:
    """A Tagging document as PutObject's header has it. Raises: MalformedXML."""
    try:
        root = parse_document(document.encode())
    except Unreadable:
        raise errors.MalformedXML() from None
    pairs: list[tuple[str, str]] = []
    for element in root.iter():
        if local_name(element) == "Tag":
            parts = {local_name(child): child.text or "" for child in element}
            pairs.append((parts.get("Key", ""), parts.get("Value", "")))
    return urlencode(pairs)


# --- what the browser gets


def _answer(
    request: HttpRequest,
    call: Call,
    bucket: str,
    fields: Mapping[str, str],
    stored: Mapping[str, str],
) -> HttpResponse:
    """A redirect, or the status that was asked for: 200, 201 with a document, else 204."""
    key, etag = fields["key"], stored["ETag"]
    scheme = "https" if request.secure else "http"
    host = request.headers.get("host", call.cloud.settings.external_host)
    place = "" if host.startswith(f"{bucket}.") else f"/{bucket}"
    location = f"{scheme}://{host}{place}/{quote(key, safe='')}"
    headers = [*s3_ids(call.request_id), ("ETag", etag)]
    target = fields.get("success_action_redirect") or fields.get("redirect", "")
    if _is_address(target):
        told = urlencode({"bucket": bucket, "key": key, "etag": etag})
        joint = "&" if urlsplit(target).query else "?"
        headers.append(("Location", f"{target}{joint}{told}"))
        return HttpResponse(303, headers, b"")
    headers.append(("Location", location))
    status = fields.get("success_action_status")
    if status == "201":
        parts = {"Location": location, "Bucket": bucket, "Key": key, "ETag": etag}
        inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in parts.items())
        body = f"{DECLARATION}<PostResponse>{inside}</PostResponse>".encode()
        return HttpResponse(201, [*headers, ("Content-Type", "application/xml")], body)
    return HttpResponse(200 if status == "200" else 204, headers, b"")


def _is_address(text: str) -> bool:
    """Whether it is a URL that a browser may be sent to; what is none is passed over, as on AWS."""
    if not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
