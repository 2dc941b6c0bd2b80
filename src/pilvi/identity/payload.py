"""What the word in `x-amz-content-sha256` asks of the body, and checking it where the body is at hand.

AWS: S3 API Reference, "Signature calculations for the Authorization header".
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.base.http import HttpRequest
from pilvi.identity import errors

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_CHUNKS_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_HEX = frozenset("0123456789abcdefABCDEF")

BODY_SIZE_MAX = 64 * 1024 * 1024
"""How much of a body is read to hash it, where the client did not send the hash."""
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class Payload(msgspec.Struct, frozen=True):
    """How the body must be treated by whoever reads it.

    `whole`: as it is; when `sha256` is given, a streamed body must have that digest (`check_sha256`).
    `chunks`: aws-chunked; decode with `streaming.decode_chunks`. `signed` and `trailer` say which kind.
    """

    form: Literal["whole", "chunks"] = "whole"
    sha256: str | None = None
    signed: bool = False
    trailer: bool = False


WHOLE = Payload()
"""A body of which the signature says nothing."""


def payload_of(word: str, request: HttpRequest) -> Payload:
    """What the word in x-amz-content-sha256 asks of the body. Raises: XAmzContentSHA256Mismatch."""
    if not word or word == UNSIGNED_PAYLOAD:
        return WHOLE
    if word.startswith("STREAMING-"):
        return Payload(
            "chunks",
            signed=word in (SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER),
            trailer=word in (SIGNED_CHUNKS_TRAILER, UNSIGNED_CHUNKS_TRAILER),
        )
    if request.stream is None:
        check_sha256(word, hashlib.sha256(request.body).hexdigest())
    return Payload(sha256=word.lower())


def check_sha256(declared: str, computed: str) -> None:
    """Raises: XAmzContentSHA256Mismatch, with both digests."""
    if declared.lower() != computed:
        raise errors.XAmzContentSHA256Mismatch(
            members={
                "ClientComputedContentSHA256": declared,
                "S3ComputedContentSHA256": computed,
            }
        )


def check_payload_word(word: str) -> None:
    if word in (UNSIGNED_PAYLOAD, SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED_CHUNKS_TRAILER):
        return
    if word.startswith("STREAMING-AWS4-ECDSA"):
        raise NotBuilt(what="Signature Version 4A")
    if len(word) != 64 or not _HEX.issuperset(word):
        raise errors.InvalidArgument(
            detail="x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
            members={"ArgumentName": "x-amz-content-sha256", "ArgumentValue": word},
        )


async def hash_of_body(request: HttpRequest) -> str:
    """Of a body whose hash was not sent: it is read for that. Raises: NotBuilt for one that cannot be."""
    if request.stream is not None:
        if request.read is None:
            raise NotBuilt(what="a streamed body without x-amz-content-sha256")
        request.body = await request.read(BODY_SIZE_MAX)
        request.stream = None
    return hashlib.sha256(request.body).hexdigest() if request.body else _EMPTY_SHA256
