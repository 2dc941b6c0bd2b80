"""Who sent this request, and is it as they sent it: Signature Version 4, and S3's Version 2, in headers and in
presigned URLs.

Promises:
1. A key that this cloud issued is verified in every mode: signature, age, session token, expiry.
2. Signatures are compared in constant time, and nothing derived from a request is cached but the signing key.
3. What the signature says of the body is checked here when the body is at hand; else `Authenticated.payload`
   tells whoever streams it what must still hold. No byte of a chunk is passed on before its signature.
4. Session tokens and presigned URLs expire by the cloud's clock. A request's own time is accepted when it is
   near to the cloud's clock or the machine's: clients sign with the machine's time,
   however the clock was moved.

In the `open` mode a key this cloud did not issue acts as its account's root. Its secret is unknown, so its
signature cannot be checked; a presigned URL's expiry still is.

AWS: IAM User Guide, "AWS Signature Version 4 for API requests"; S3 API Reference, "Authenticating Requests".
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qsl

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.clock import Clock
from pilvi.base.errors import NotBuilt
from pilvi.base.http import HttpRequest
from pilvi.contracts.credentials import Credential, Credentials
from pilvi.identity import errors, version2
from pilvi.identity.canonical import canonical_requests
from pilvi.identity.errors import Dialect
from pilvi.identity.payload import (
    SIGNED_CHUNKS,
    SIGNED_CHUNKS_TRAILER,
    UNSIGNED_PAYLOAD,
    Payload,
    check_payload_word,
    hash_of_body,
    payload_of,
)
from pilvi.identity.presigned import is_presigned
from pilvi.identity.principal import ANONYMOUS, Principal, holder_of, root_of
from pilvi.identity.refusals import (
    SKEW_MS_MAX,
    check_claim,
    check_signed_headers,
    check_until,
    expires_s,
    hashed,
    malformed,
    mismatch,
    not_yet,
    refuse_incomplete,
    refuse_mechanism,
    refuse_other_mechanism,
    refuse_query,
    unknown_key,
    wrong_region,
)
from pilvi.identity.signatures import (
    ALGORITHM,
    TERMINATOR,
    Claim,
    Malformed,
    Signed,
    instant_ms,
    is_region,
    iso_of,
    read_authorization,
    read_claim,
    same,
    signing_key,
    string_to_sign,
    timestamp_of,
)

S3_SIGNING_NAMES = frozenset({"s3", "s3-outposts", "s3-object-lambda", "s3express"})
"""Services that sign the path as S3 does."""


BOTH_MECHANISMS = (
    "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
)


class Authenticated(msgspec.Struct, frozen=True):
    """`scope`: the principal's account in the region that was signed for. `signed`: None where the signature
    could not be checked (open mode, anonymous)."""

    principal: Principal
    scope: Scope
    signed: Signed | None
    payload: Payload


class _Proof(msgspec.Struct, frozen=True):
    """A claim, with what was sent to prove it."""

    claim: Claim
    signature: str
    timestamp: str
    at_ms: int
    token: str | None
    payload: str
    presigned: bool
    expires_s: int = 0


class Authenticator:
    def __init__(
        self,
        credentials: Credentials,
        clock: Clock,
        *,
        mode: Literal["open", "strict"] = "open",
        default_account: str = "000000000000",
        default_region: str = "us-east-1",
    ) -> None:
        """`default_account`, `default_region`: for keys and requests that name none."""
        self._credentials = credentials
        self._clock = clock
        self._open = mode == "open"
        self._default_account = default_account
        self._default_region = default_region

    async def authenticate(
        self,
        request: HttpRequest,
        *,
        service_signing_name: str,
        dialect: Dialect,
        anonymous: bool = False,
        path: str = "",
    ) -> Authenticated:
        """The principal behind `request`. `anonymous`: the operation may be called without credentials
        (S3's always may; whether the resource allows it is decided later). `path`: with the bucket in it, where
        the request's own names it in the host.

        Reads a streamed body only when its hash is needed and was not sent.
        Raises: the errors of `dialect`; S3's own; NotBuilt for SigV4A.
        """
        authorization = request.headers.get("authorization")
        presigned = is_presigned(request.query)
        if service_signing_name == "s3" and not presigned and version2.is_claimed(request):
            return await self._authenticate_version2(request, path or request.path, dialect)
        if authorization is None and not presigned:
            if "Signature=" in request.query and "AWSAccessKeyId=" in request.query:
                refuse_mechanism(dialect)
            if not (anonymous or dialect.is_s3):
                raise dialect.missing()
            return self._nobody(request)
        if presigned:
            if authorization is not None and not dialect.is_s3:
                raise dialect.signature(detail=BOTH_MECHANISMS)
            if authorization is not None:
                raise errors.InvalidArgument(
                    detail="Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
                    "Signature query string parameter or the Authorization header should be specified"
                )
            proof = self._read_query(request, dialect)
        else:
            assert authorization is not None
            proof = self._read_header(request, authorization, dialect)

        claim = proof.claim
        if dialect.is_s3 and not is_region(claim.region):
            raise wrong_region(claim.region, self._default_region, presigned=proof.presigned)
        credential = await self._credentials.find_credential(claim.access_key_id)
        if credential is None and not self._open:
            raise unknown_key(dialect, claim.access_key_id)
        if proof.presigned:
            self._check_expiry(proof, dialect)
        if credential is None:
            principal = root_of(self._account_of(claim.access_key_id), claim.access_key_id)
            return self._authenticated(principal, proof, None, request, dialect)

        if not proof.presigned:
            self._check_age(proof, dialect)
        self._check_credential(credential, proof, dialect)
        check_claim(
            claim, proof.timestamp, service_signing_name, dialect, presigned=proof.presigned
        )
        if dialect.is_s3:
            check_signed_headers(request, claim.names)
        payload = proof.payload or await hash_of_body(request)
        signed = _verify(request, credential, proof, payload, dialect)
        return self._authenticated(holder_of(credential), proof, signed, request, dialect)

    async def _authenticate_version2(
        self, request: HttpRequest, path: str, dialect: Dialect
    ) -> Authenticated:
        try:
            sent = version2.read(request)
        except version2.Incomplete:
            refuse_incomplete(presigned="authorization" not in request.headers)
        proof = self._proof_of(sent, request)
        credential = await self._credentials.find_credential(sent.access_key_id)
        if credential is None and not self._open:
            raise unknown_key(dialect, sent.access_key_id)
        if credential is None:
            principal = root_of(self._account_of(sent.access_key_id), sent.access_key_id)
        else:
            if not sent.presigned:
                self._check_age(proof, dialect)
            self._check_credential(credential, proof, dialect)
            if not version2.is_signed(request, path, sent, credential.secret_access_key):
                text = version2.string_to_sign(request, path, sent)
                raise mismatch(dialect, sent.access_key_id, sent.signature, text)
            principal = holder_of(credential)
        if proof.payload in (SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER):
            refuse_mechanism(errors.S3)  # there is no first signature that theirs could go on from
        return self._authenticated(principal, proof, None, request, dialect)

    def _proof_of(self, sent: version2.Claim, request: HttpRequest) -> _Proof:
        """Raises: AccessDenied for what holds no more, or was never dated."""
        payload = request.headers.get("x-amz-content-sha256", "")
        if sent.presigned:
            now_ms = min(self._clock.now_ms(), self._clock.machine_ms())
            check_until(sent.dated, now_ms)
            at_ms: int | None = now_ms
        else:
            at_ms = instant_ms(sent.dated)
        if at_ms is None:
            raise errors.AccessDenied(
                detail="AWS authentication requires a valid Date or x-amz-date header"
            )
        claim = self._claim2(sent.access_key_id)
        return _Proof(claim, sent.signature, sent.dated, at_ms, sent.token, payload, sent.presigned)

    async def authenticate_document(
        self,
        *,
        credential_text: str,
        timestamp: str | None,
        document: str,
        given_signature: str,
        token: str | None,
        dialect: Dialect = errors.S3,
    ) -> Authenticated:
        """Who signed a document rather than a request: the policy of a browser's POST to S3.

        `document` is the base64 text as it was sent. What the policy says is the caller's, its expiry too.
        `timestamp`: None where it is signed by Version 2; then `credential_text` is the key alone.
        Raises: as `authenticate`.
        """
        if timestamp is None:
            return await self._authenticate_document2(
                credential_text, document, given_signature, token, dialect
            )
        try:
            claim = read_claim(credential_text, "")
        except Malformed as problem:
            raise malformed(problem, dialect, presigned=True) from None
        at_ms = instant_ms(timestamp)
        if at_ms is None:
            raise errors.AccessDenied(
                detail="AWS authentication requires a valid Date or x-amz-date header"
            )
        proof = _Proof(
            claim, given_signature, timestamp, at_ms, token, UNSIGNED_PAYLOAD, presigned=True
        )
        credential = await self._credentials.find_credential(claim.access_key_id)
        if credential is None:
            if not self._open:
                raise unknown_key(dialect, claim.access_key_id)
            root = root_of(self._account_of(claim.access_key_id), claim.access_key_id)
            return Authenticated(root, Scope(root.account, claim.region), None, Payload())
        self._check_credential(credential, proof, dialect)
        key = signing_key(credential.secret_access_key, claim.date, claim.region, claim.service)
        if not same(key.sign(document.encode()), given_signature):
            raise mismatch(dialect, claim.access_key_id, given_signature, document.encode())
        signed = Signed(key, timestamp, claim.scope, given_signature)
        principal = holder_of(credential)
        return Authenticated(principal, Scope(principal.account, claim.region), signed, Payload())

    async def _authenticate_document2(
        self, key: str, document: str, given: str, token: str | None, dialect: Dialect
    ) -> Authenticated:
        claim = self._claim2(key)
        proof = _Proof(claim, given, "", 0, token, UNSIGNED_PAYLOAD, presigned=True)
        credential = await self._credentials.find_credential(key)
        if credential is None:
            if not self._open:
                raise unknown_key(dialect, key)
            principal = root_of(self._account_of(key), key)
        else:
            self._check_credential(credential, proof, dialect)
            text = document.encode()
            if not same(version2.signature(credential.secret_access_key, text), given):
                raise mismatch(dialect, key, given, text)
            principal = holder_of(credential)
        return Authenticated(principal, Scope(principal.account, claim.region), None, Payload())

    # --- reading what was sent

    def _read_header(self, request: HttpRequest, header: str, dialect: Dialect) -> _Proof:
        if not header.startswith(ALGORITHM):
            refuse_other_mechanism(header, dialect)
        headers = request.headers
        timestamp = headers.get("x-amz-date") or headers.get("date", "")
        try:
            claim, given = read_authorization(header)
        except Malformed as problem:
            raise malformed(problem, dialect, header=header) from None
        at_ms = instant_ms(timestamp)
        if at_ms is None:
            if dialect.is_s3:
                raise errors.AccessDenied(
                    detail="AWS authentication requires a valid Date or x-amz-date header"
                )
            raise dialect.incomplete(
                detail="Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
                + hashed(header)
            )
        if timestamp[-1] != "Z":  # an HTTP date: the string to sign has it in the basic form
            timestamp = timestamp_of(at_ms)
        payload = headers.get("x-amz-content-sha256", "")
        if dialect.is_s3:
            if not payload:
                raise errors.InvalidRequest(
                    detail="Missing required header for this request: x-amz-content-sha256"
                )
            check_payload_word(payload)
        return _Proof(
            claim,
            given,
            timestamp,
            at_ms,
            headers.get("x-amz-security-token"),
            payload,
            presigned=False,
        )

    def _read_query(self, request: HttpRequest, dialect: Dialect) -> _Proof:
        sent = dict(parse_qsl(request.query, keep_blank_values=True))
        if sent.get("X-Amz-Algorithm", ALGORITHM) != ALGORITHM:
            if sent["X-Amz-Algorithm"].startswith("AWS4-ECDSA"):
                raise NotBuilt(what="Signature Version 4A")
            refuse_query(dialect, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
        needed = ["Algorithm", "Credential", "Signature", "Date", "SignedHeaders"]
        if dialect.is_s3:
            needed.append("Expires")
        if any(f"X-Amz-{name}" not in sent for name in needed):
            refuse_query(
                dialect,
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
                "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            )
        try:
            claim = read_claim(sent["X-Amz-Credential"], sent["X-Amz-SignedHeaders"])
        except Malformed as problem:
            raise malformed(problem, dialect, presigned=True) from None
        timestamp = sent["X-Amz-Date"]
        at_ms = instant_ms(timestamp)
        if at_ms is None or timestamp[-1] != "Z":
            refuse_query(
                dialect, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
            )
        payload = request.headers.get("x-amz-content-sha256") or sent.get(
            "X-Amz-Content-Sha256", ""
        )
        if dialect.is_s3:
            payload = payload or UNSIGNED_PAYLOAD
            check_payload_word(payload)
        return _Proof(
            claim,
            sent["X-Amz-Signature"],
            timestamp,
            at_ms,
            sent.get("X-Amz-Security-Token") or request.headers.get("x-amz-security-token"),
            payload,
            presigned=True,
            expires_s=expires_s(sent.get("X-Amz-Expires", "900"), dialect),
        )

    # --- checking it

    def _check_expiry(self, proof: _Proof, dialect: Dialect) -> None:
        """By the clock, or by the machine's: `Clock.judging_ms`."""
        ends_at_ms = proof.at_ms + proof.expires_s * 1000
        latest_ms = max(self._clock.now_ms(), self._clock.machine_ms())
        if proof.at_ms > latest_ms + SKEW_MS_MAX:
            if dialect.is_s3:
                raise errors.AccessDenied(detail="Request is not yet valid")
            raise dialect.signature(detail=not_yet(proof.timestamp, latest_ms))
        now_ms = self._clock.judging_ms(proof.at_ms)
        if now_ms <= ends_at_ms:
            return
        if dialect.is_s3:
            raise errors.AccessDenied(
                detail="Request has expired",
                members={
                    "X-Amz-Expires": str(proof.expires_s),
                    "Expires": iso_of(ends_at_ms),
                    "ServerTime": iso_of(now_ms),
                },
            )
        raise dialect.signature(
            detail=f"Signature expired: {timestamp_of(ends_at_ms)} is now earlier than {timestamp_of(now_ms)}"
        )

    def _check_age(self, proof: _Proof, dialect: Dialect) -> None:
        at_ms = proof.at_ms
        now_ms, machine_ms = self._clock.now_ms(), self._clock.machine_ms()
        if abs(at_ms - now_ms) <= SKEW_MS_MAX or abs(at_ms - machine_ms) <= SKEW_MS_MAX:
            return
        if dialect.is_s3:
            raise errors.RequestTimeTooSkewed(
                members={
                    "RequestTime": proof.timestamp,
                    "ServerTime": iso_of(now_ms),
                    "MaxAllowedSkewMilliseconds": str(SKEW_MS_MAX),
                }
            )
        if at_ms > now_ms:
            raise dialect.signature(detail=not_yet(proof.timestamp, now_ms))
        raise dialect.signature(
            detail=f"Signature expired: {proof.timestamp} is now earlier than "
            f"{timestamp_of(now_ms - SKEW_MS_MAX)} ({timestamp_of(now_ms)} - 15 min.)"
        )

    def _check_credential(self, credential: Credential, proof: _Proof, dialect: Dialect) -> None:
        if not credential.active:
            raise unknown_key(dialect, credential.access_key_id)
        expected = credential.session_token
        if expected is None:
            if proof.token:
                raise dialect.invalid_token()
            return
        if proof.token is None:
            raise unknown_key(dialect, credential.access_key_id)
        if not same(expected, proof.token):
            raise dialect.invalid_token()
        if (
            credential.expires_at_ms is not None
            and credential.expires_at_ms <= self._clock.now_ms()
        ):
            raise dialect.expired_token()

    # --- what comes of it

    def _claim2(self, key: str) -> Claim:
        """What Version 2 leaves unsaid, as Version 4 would say it."""
        return Claim(
            access_key_id=key,
            date="",
            region=self._default_region,
            service="s3",
            terminator=TERMINATOR,
            signed_headers="",
            names=(),
            scope="",
        )

    def _account_of(self, access_key_id: str) -> str:
        named = len(access_key_id) == 12 and access_key_id.isascii() and access_key_id.isdigit()
        return access_key_id if named else self._default_account

    def _nobody(self, request: HttpRequest) -> Authenticated:
        scope = Scope(self._default_account, self._default_region)
        word = request.headers.get("x-amz-content-sha256", "")
        return Authenticated(ANONYMOUS, scope, None, payload_of(word, request))

    def _authenticated(
        self,
        principal: Principal,
        proof: _Proof,
        signed: Signed | None,
        request: HttpRequest,
        dialect: Dialect,
    ) -> Authenticated:
        try:
            payload = payload_of(proof.payload, request)
        except errors.XAmzContentSHA256Mismatch:
            if dialect.is_s3:
                raise
            # The others hash the body themselves, so that to them another body is another signature.
            raise errors.wrong_signature(dialect) from None
        scope = Scope(principal.account, proof.claim.region or self._default_region)
        return Authenticated(principal, scope, signed, payload)


def _verify(
    request: HttpRequest, credential: Credential, proof: _Proof, payload: str, dialect: Dialect
) -> Signed:
    claim = proof.claim
    key = signing_key(credential.secret_access_key, claim.date, claim.region, claim.service)
    first: tuple[bytes, bytes] | None = None
    for canonical in canonical_requests(
        request,
        names=claim.names,
        signed_headers=claim.signed_headers,
        payload=payload,
        is_s3=claim.service in S3_SIGNING_NAMES,
    ):
        text = string_to_sign(proof.timestamp, claim.scope, canonical)
        if same(key.sign(text), proof.signature):
            return Signed(key, proof.timestamp, claim.scope, proof.signature)
        first = first or (text, canonical)
    assert first is not None
    raise mismatch(dialect, claim.access_key_id, proof.signature, *first)
