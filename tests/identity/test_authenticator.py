"""Header and presigned signatures, with botocore as the signer, and every way of getting them wrong."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from msgspec.structs import replace as changed
from signing import ACCOUNT, KEY, SECRET, USER, authenticator, sign

from pilvi.base.arn import Scope
from pilvi.base.clock import Clock
from pilvi.base.errors import AwsError, NotBuilt
from pilvi.base.http import HttpRequest
from pilvi.contracts.credentials import Credential
from pilvi.identity.authenticator import Authenticated, Authenticator
from pilvi.identity.errors import JSON, QUERY, REST_JSON, S3, Dialect
from pilvi.identity.principal import ANONYMOUS

SESSION = Credential(
    "ASIASESSION",
    "session-secret",
    ACCOUNT,
    f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s",
    "AROAR:s",
    session_token="the-token",
    expires_at_ms=Clock().now_ms() + 3_600_000,
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/r",
)


def check(
    request: HttpRequest,
    service: str = "dynamodb",
    dialect: Dialect = JSON,
    by: Authenticator | None = None,
    **options: bool,
) -> Authenticated:
    by = by or authenticator(USER, SESSION)
    return asyncio.run(
        by.authenticate(request, service_signing_name=service, dialect=dialect, **options)
    )


def refused(request: HttpRequest, *arguments: object, **options: object) -> AwsError:
    with pytest.raises(AwsError) as caught:
        check(request, *arguments, **options)  # type: ignore[arg-type]
    return caught.value


def test_a_signed_request_tells_its_principal_and_scope() -> None:
    known = check(sign("POST", body=b'{"TableName":"t"}', region="eu-north-1"))
    assert known.principal.arn == USER.principal_arn
    assert known.principal.verified
    assert known.scope == Scope(ACCOUNT, "eu-north-1")
    assert known.signed is not None


def test_one_changed_byte_of_anything_signed_is_refused() -> None:
    good = sign("POST", "http://h/a?x=1", body=b"body", headers=[("X-Amz-Target", "T.Op")])
    check(good)
    for bad in (
        replace(good, method="PUT"),
        replace(good, path="/b"),
        replace(good, query="x=2"),
        replace(good, body=b"bodY"),
        replace(good, headers={**good.headers, "x-amz-target": "T.Other"}),
        replace(good, headers={**good.headers, "host": "other"}),
    ):
        error = refused(bad)
        assert error.code == "InvalidSignatureException"
        assert error.text.startswith("The request signature we calculated does not match")


# Path segments as people write keys: spaces, plus, dots, percent signs, letters from everywhere.
_text = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="#?/"), max_size=8
)
_segments = st.lists(
    st.one_of(_text, st.sampled_from(["..", ".", "", "a b", "%", "+", "ä"])), max_size=4
)
_header_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@settings(max_examples=150, deadline=None)
@given(
    segments=_segments,
    query=st.lists(st.tuples(_text, _text), max_size=4),
    headers=st.lists(
        st.tuples(st.sampled_from(["X-Amz-Meta-A", "X-Amz-Meta-B", "X-Custom"]), _header_text),
        max_size=4,
    ),
    body=st.binary(max_size=20),
    service=st.sampled_from(["s3", "lambda"]),
)
def test_whatever_botocore_signs_is_verified(segments, query, headers, body, service) -> None:  # type: ignore[no-untyped-def]
    from botocore.utils import percent_encode, percent_encode_sequence

    path = "/" + "/".join(percent_encode(segment, safe="~") for segment in segments)
    url = f"http://localhost:4566{path}"
    if query:
        url += "?" + percent_encode_sequence(query)
    request = sign("PUT", url, service=service, headers=headers, body=body)
    check(request, service, S3 if service == "s3" else REST_JSON)


@settings(max_examples=60, deadline=None)
@given(segments=_segments, service=st.sampled_from(["s3", "sts"]), token=st.booleans())
def test_whatever_botocore_presigns_is_verified(segments, service, token) -> None:  # type: ignore[no-untyped-def]
    from botocore.utils import percent_encode

    path = "/" + "/".join(percent_encode(segment, safe="~") for segment in segments)
    who = SESSION if token else USER
    request = sign(
        "GET",
        f"http://localhost:4566{path}?Action=GetCallerIdentity&Version=2011-06-15",
        service=service,
        key=who.access_key_id,
        secret=who.secret_access_key,
        token=who.session_token,
        expires_s=60,
    )
    known = check(request, service, S3 if service == "s3" else QUERY)
    assert known.principal.arn == who.principal_arn


def test_headers_with_utf8_repeated_and_folded_values() -> None:
    request = sign(
        "PUT",
        "http://h/b/k",
        service="s3",
        headers=[
            ("X-Amz-Meta-A", "one   two"),
            ("X-Amz-Meta-A", "three"),
            ("X-Amz-Meta-B", "à  ö"),
        ],
    )
    assert request.headers["x-amz-meta-a"] == "one   two,three"
    check(request, "s3", S3)


def test_unencoded_characters_of_a_path_are_the_encoded_ones() -> None:
    request = sign("GET", "http://h/functions/arn%3Aaws/x", service="lambda")
    check(replace(request, path="/functions/arn:aws/x"), "lambda", REST_JSON)
    request = sign("GET", "http://h/b/a%C3%A4%2B", service="s3")
    check(replace(request, path="/b/%61%c3%a4%2b"), "s3", S3)


# --- unknown keys, modes

UNKNOWN = {"key": "AKIAUNKNOWN", "secret": "x"}


@pytest.mark.parametrize(
    ("dialect", "code", "status"),
    [
        (S3, "InvalidAccessKeyId", 403),
        (QUERY, "InvalidClientTokenId", 403),
        (JSON, "UnrecognizedClientException", 400),
        (REST_JSON, "UnrecognizedClientException", 403),
    ],
)
def test_strict_refuses_unknown_keys(dialect: Dialect, code: str, status: int) -> None:
    error = refused(sign(service="s3", **UNKNOWN), "s3", dialect)
    assert (error.code, error.status) == (code, status)
    if dialect is S3:
        assert error.members == {"AWSAccessKeyId": "AKIAUNKNOWN"}


@pytest.mark.parametrize(
    ("key", "account"),
    [("test", "000000000000"), ("123456789012", "123456789012"), ("1234567890123", "000000000000")],
)
def test_open_lends_the_root_of_an_account(key: str, account: str) -> None:
    known = check(sign(key=key, secret="any"), by=authenticator(mode="open"))
    assert known.principal.arn == f"arn:aws:iam::{account}:root"
    assert known.principal.is_root
    assert not known.principal.verified
    assert known.signed is None


def test_open_still_verifies_keys_that_this_cloud_issued() -> None:
    error = refused(sign(secret="wrong"), by=authenticator(mode="open"))
    assert error.code == "InvalidSignatureException"


def test_a_key_switched_off_is_unknown() -> None:
    off = changed(USER, active=False)
    assert refused(sign(), by=authenticator(off)).code == "UnrecognizedClientException"


# --- sessions


def _session_request(**options: object) -> HttpRequest:
    return sign(key="ASIASESSION", secret="session-secret", **options)  # type: ignore[arg-type]


def test_a_session_needs_its_token_and_ends() -> None:
    assert check(_session_request(token="the-token")).principal.session_name == "s"
    assert refused(_session_request()).code == "UnrecognizedClientException"
    assert refused(_session_request(token="another")).code == "UnrecognizedClientException"
    clock = Clock()
    clock.advance(3_600_000)
    by = authenticator(SESSION, clock=clock)
    error = refused(_session_request(token="the-token"), by=by)
    assert error.code == "ExpiredTokenException"
    assert error.text == "The security token included in the request is expired"


# --- time


def test_an_old_request_is_refused_in_the_words_of_its_family(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import datetime

    import botocore.auth

    old = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: old)
    error = refused(sign())
    assert error.code == "InvalidSignatureException"
    assert error.text.startswith("Signature expired: 20200101T000000Z is now earlier than ")
    assert error.text.endswith(" - 15 min.)")
    error = refused(sign(service="s3"), "s3", S3)
    assert error.code == "RequestTimeTooSkewed"
    assert error.members["RequestTime"] == "20200101T000000Z"
    assert error.members["MaxAllowedSkewMilliseconds"] == "900000"
    future = datetime.datetime(2090, 1, 1, tzinfo=datetime.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: future)
    assert refused(sign()).text.startswith("Signature not yet current: 20900101T000000Z is still")


# A test that moves the clock by hours goes on calling with clients that know nothing of it.
def test_requests_signed_by_the_machines_time_pass_whatever_the_clock_shows() -> None:
    clock = Clock()
    clock.advance(86_400_000 * 30)
    check(sign(), by=authenticator(clock=clock))
    clock.freeze(1_000_000_000_000)
    check(sign(), by=authenticator(clock=clock))


@pytest.mark.parametrize("mode", ["open", "strict"])
def test_presigned_urls_expire_by_the_clock(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    by = authenticator(mode=mode, clock=clock)
    keys = {"key": "test", "secret": "test"} if mode == "open" else {}
    request = sign(url="http://h/b/k", service="s3", expires_s=60, **keys)
    check(request, "s3", S3, by=by)
    clock.advance(62_000)
    error = refused(request, "s3", S3, by=by)
    assert (error.code, error.text, error.status) == ("AccessDenied", "Request has expired", 403)
    assert {"Expires", "ServerTime"} <= error.members.keys()
    later = datetime.fromtimestamp(clock.machine_ms() / 1000 + 2, UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: later)
    check(sign(url="http://h/b/k", service="s3", expires_s=60, **keys), "s3", S3, by=by)
    monkeypatch.undo()
    clock.advance(62_000)
    request = sign(url="http://h/?Action=A", service="sts", expires_s=1, **keys)
    assert refused(request, "sts", QUERY, by=by).text.startswith("Signature expired: ")


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("X-Amz-Expires", "604801", "X-Amz-Expires must be less than a week (in seconds);"),
        ("X-Amz-Expires", "-1", "X-Amz-Expires must be non-negative"),
        ("X-Amz-Expires", "soon", "X-Amz-Expires should be a number"),
        ("X-Amz-Date", "yesterday", "X-Amz-Date must be in the ISO8601 Long Format"),
        (
            "X-Amz-Credential",
            "x",
            "Error parsing the X-Amz-Credential parameter; the Credential is mal",
        ),
        ("X-Amz-Algorithm", "AWS3", "X-Amz-Algorithm only supports"),
        (
            "X-Amz-Signature",
            None,
            "Query-string authentication version 4 requires the X-Amz-Algorithm,",
        ),
    ],
)
def test_bad_presigned_parameters(name: str, value: str | None, detail: str) -> None:
    from urllib.parse import parse_qsl, urlencode

    request = sign(url="http://h/b/k", service="s3", expires_s=60)
    query = dict(parse_qsl(request.query))
    if value is None:
        del query[name]
    else:
        query[name] = value
    error = refused(replace(request, query=urlencode(query)), "s3", S3)
    assert error.code == "AuthorizationQueryParametersError"
    assert error.text.startswith(detail)


# --- malformed, missing, other mechanisms


def _with_authorization(text: str, **more: str) -> HttpRequest:
    good = sign(service="s3")
    return replace(good, headers={**good.headers, "authorization": text, **more})


def test_malformed_headers() -> None:
    half = _with_authorization("AWS4-HMAC-SHA256 Credential=a/b")
    error = refused(half)
    assert error.code == "IncompleteSignatureException"
    assert error.text.startswith(
        "Authorization header requires 'SignedHeaders' parameter. Authorization header requires 'Signature' "
    )
    assert refused(half, "s3", S3).code == "AuthorizationHeaderMalformed"
    short = _with_authorization("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00")
    assert "Credential must have exactly 5 slash-delimited elements" in refused(short).text
    assert refused(short, "sts", QUERY).code == "IncompleteSignature"
    assert "the Credential is mal-formed; expecting" in refused(short, "s3", S3).text
    assert refused(_with_authorization("Basic abc")).code == "IncompleteSignatureException"


def test_the_order_and_spacing_of_the_header_do_not_matter() -> None:
    good = sign("POST", body=b"x")
    parts = good.headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(", ")
    for text in (",".join(parts), " , ".join(reversed(parts)), "  ".join(parts)):
        check(replace(good, headers={**good.headers, "authorization": f"AWS4-HMAC-SHA256 {text}"}))


def test_a_scope_for_another_service_or_day() -> None:
    error = refused(sign(service="sqs"))
    assert error.text == "Credential should be scoped to correct service: 'dynamodb'. "
    error = refused(sign(service="s3"), "s3express", S3)
    assert 'incorrect service "s3". This endpoint belongs to "s3express".' in error.text
    good = sign()
    header = good.headers["authorization"]
    moved = header.replace(good.headers["x-amz-date"][:8], "20010101")
    error = refused(replace(good, headers={**good.headers, "authorization": moved}))
    assert error.text.startswith("Date in Credential scope does not match YYYYMMDD")


def test_other_mechanisms_are_refused_by_name() -> None:
    text = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    assert refused(_with_authorization("AWS AKIA:c2ln"), "sts", QUERY).text == text
    assert refused(_with_authorization("AWS3 AKIA:c2ln"), "s3", S3).text == text
    v4a = _with_authorization("AWS4-ECDSA-P256-SHA256 Credential=a/b, SignedHeaders=h, Signature=0")
    with pytest.raises(NotBuilt, match="Signature Version 4A"):
        check(v4a, "s3", S3)
    both = sign(url="http://h/b/k", service="s3", expires_s=60)
    both.headers["authorization"] = "AWS4-HMAC-SHA256 x"
    assert refused(both, "s3", S3).code == "InvalidArgument"


def test_requests_without_credentials() -> None:
    bare = HttpRequest("GET", "/", "", {"host": "h"})
    assert refused(bare).code == "MissingAuthenticationTokenException"
    assert refused(bare, "sts", QUERY).code == "MissingAuthenticationToken"
    assert check(bare, "s3", S3).principal is ANONYMOUS
    assert check(bare, "sts", QUERY, anonymous=True).principal is ANONYMOUS


def test_s3_tells_what_it_hashed() -> None:
    error = refused(sign(url="http://h/b/k", service="s3", secret="wrong"), "s3", S3)
    assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)
    assert error.members["AWSAccessKeyId"] == KEY
    assert error.members["StringToSign"].startswith("AWS4-HMAC-SHA256\n")
    assert error.members["CanonicalRequest"].startswith("GET\n/b/k\n\nhost:h\n")
    assert (
        bytes.fromhex(error.members["StringToSignBytes"]).decode() == error.members["StringToSign"]
    )


def test_s3_refuses_amz_headers_that_were_not_signed() -> None:
    request = sign("PUT", "http://h/b/k", service="s3", expires_s=60)
    request.headers["x-amz-meta-wrong"] = "1"
    error = refused(request, "s3", S3)
    assert error.code == "AccessDenied"
    assert error.members == {"HeadersNotSigned": "x-amz-meta-wrong"}


# --- the body's hash


def test_the_hash_of_the_body_is_checked() -> None:
    good = sign("PUT", "http://h/b/k", service="s3", body=b"one")
    assert check(good, "s3", S3).payload.sha256 == good.headers["x-amz-content-sha256"]
    error = refused(replace(good, body=b"two"), "s3", S3)
    assert error.code == "XAmzContentSHA256Mismatch"
    assert error.members["ClientComputedContentSHA256"] == good.headers["x-amz-content-sha256"]
    other = sign(
        "POST",
        body=b"one",
        headers=[("X-Amz-Content-SHA256", good.headers["x-amz-content-sha256"])],
    )
    check(other)
    assert refused(replace(other, body=b"two")).code == "InvalidSignatureException"
    missing = replace(good, headers={k: v for k, v in good.headers.items() if "sha256" not in k})
    assert refused(missing, "s3", S3).code == "InvalidRequest"
    odd = replace(good, headers={**good.headers, "x-amz-content-sha256": "abc"})
    assert refused(odd, "s3", S3).code == "InvalidArgument"


def test_a_posted_policy() -> None:
    import base64

    from botocore.auth import S3SigV4PostAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest("POST", "http://h/b")
    request.context["s3-presign-post-fields"] = fields = {}
    request.context["s3-presign-post-policy"] = {"conditions": []}
    S3SigV4PostAuth(Credentials(KEY, SECRET), "s3", "us-east-1").add_auth(request)
    by = authenticator()

    def ask(document: str) -> Authenticated:
        return asyncio.run(
            by.authenticate_document(
                credential_text=fields["x-amz-credential"],
                timestamp=fields["x-amz-date"],
                document=document,
                given_signature=fields["x-amz-signature"],
                token=None,
            )
        )

    assert ask(fields["policy"]).principal.arn == USER.principal_arn
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        ask(base64.b64encode(b"{}").decode())
