"""Bodies in `aws-chunked` encoding: taking the chunks apart, and proving each before it is passed on.

    <hex size>[;chunk-signature=<64 hex>] CRLF <bytes> CRLF ... 0[;chunk-signature=...] CRLF [trailers] CRLF

Promises:
1. With a seed, no byte is passed on before the signature of its chunk is verified. So a signed chunk is
   gathered whole, and may be at most CHUNK_SIZE_MAX; an unsigned one is passed on as it comes.
2. The decoded bytes are exactly as many as x-amz-decoded-content-length says, or IncompleteBody is raised.
3. Chunk headers, trailers and unsigned gathering are bounded.
4. Trailers are there once the stream has ended, and signed ones only after their signature was verified.

AWS: S3 API Reference, "Signature calculations for the Authorization header: Transferring a payload in
multiple chunks" and "... with trailing headers".
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from pilvi.base.errors import AwsError
from pilvi.identity import errors
from pilvi.identity.payload import Payload
from pilvi.identity.signatures import Signed, same

CHUNK_HEADER_MAX = 1024
TRAILERS_SIZE_MAX = 8 * 1024
CHUNK_SIZE_MIN = 8 * 1024
"""Of a signed chunk that is not the last."""
CHUNK_SIZE_MAX = 16 * 1024 * 1024
"""Of a signed chunk. SDKs send 64 KiB to 1 MiB; the limit bounds what one upload holds in memory."""

_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_CHUNK_ALGORITHM = "AWS4-HMAC-SHA256-PAYLOAD"
_TRAILER_ALGORITHM = "AWS4-HMAC-SHA256-TRAILER"
_TRAILER_SIGNATURE = "x-amz-trailer-signature"
_HEX = frozenset(b"0123456789abcdefABCDEF")


class ChunkedBody:
    """The decoded body: iterate once, then read `trailers`.

    `raw`: the body as it arrives. `payload`: how it was announced. `decoded_length`: what
    x-amz-decoded-content-length says, in bytes. `signed`: the seed of the chunks' signatures; None where it
    could not be checked (open mode): then signatures are read over.

    Iterating raises: IncompleteBody, InvalidRequest (framing), S3SignatureDoesNotMatch, MalformedTrailerError,
    InvalidChunkSizeError.
    """

    def __init__(
        self,
        raw: AsyncIterator[bytes],
        payload: Payload,
        *,
        decoded_length: int,
        signed: Signed | None,
    ) -> None:
        assert payload.form == "chunks", payload
        self.trailers: dict[str, str] = {}
        """Names in lower case; empty until the stream has ended."""
        self._raw = raw
        self._payload = payload
        self._seed = signed if payload.signed else None
        self._previous = signed.seed if signed else ""
        self._left = decoded_length
        self._buffer = bytearray()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        small = False
        while True:
            size, given = await self._chunk_header()
            if size > self._left:
                raise errors.IncompleteBody()
            self._left -= size
            if size == 0:
                break
            if self._seed is None:
                async for piece in self._pieces(size):
                    yield piece
                await self._line_end()
                continue
            if small:
                raise errors.InvalidChunkSizeError()
            small = size < CHUNK_SIZE_MIN
            if size > CHUNK_SIZE_MAX:
                raise _malformed("a signed chunk is larger than this server accepts")
            chunk = await self._exactly(size)
            await self._line_end()
            self._verify_chunk(self._seed, chunk, given)
            yield chunk
        if self._left:
            raise errors.IncompleteBody()
        if self._seed is not None:
            self._verify_chunk(self._seed, b"", given)
        if self._payload.trailer:
            await self._read_trailers()
        else:
            await self._read_end()

    # --- frames

    async def _chunk_header(self) -> tuple[int, str]:
        """The size of the next chunk and the signature it came with ("" for none)."""
        line = await self._line(CHUNK_HEADER_MAX)
        digits, _, extension = line.partition(b";")
        digits = digits.strip()
        if not digits or len(digits) > 16 or not _HEX.issuperset(digits):
            raise _malformed("a chunk does not begin with its size")
        name, _, value = extension.strip().partition(b"=")
        if self._payload.signed and name != b"chunk-signature":
            raise _malformed("a chunk carries no signature")
        return int(digits, 16), value.decode("latin-1").strip()

    async def _line(self, limit: int) -> bytes:
        """Up to the next CRLF, which is taken but not given."""
        searched = 0
        while (end := self._buffer.find(b"\r\n", max(searched - 1, 0))) < 0:
            if len(self._buffer) > limit:
                raise _malformed("a chunk header or trailer does not end")
            searched = len(self._buffer)
            await self._more()
        if end > limit:
            raise _malformed("a chunk header or trailer is too long")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    async def _line_end(self) -> None:
        if await self._exactly(2) != b"\r\n":
            raise _malformed("a chunk is longer than its size")

    async def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._more()
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    async def _pieces(self, size: int) -> AsyncIterator[bytes]:
        while size:
            if not self._buffer:
                await self._more()
            piece = bytes(memoryview(self._buffer)[:size])
            del self._buffer[: len(piece)]
            size -= len(piece)
            yield piece

    async def _more(self) -> None:
        """Raises: IncompleteBody at the end of what arrives."""
        async for piece in self._raw:
            if piece:
                self._buffer += piece
                return
        raise errors.IncompleteBody()

    # --- the end

    async def _read_end(self) -> None:
        """The empty line behind the last chunk; clients that leave it out are understood."""
        rest = await self._rest(2)
        if rest not in (b"\r\n", b""):
            raise _malformed("there is something behind the last chunk")

    async def _rest(self, limit: int) -> bytes:
        async for piece in self._raw:
            self._buffer += piece
            if len(self._buffer) > limit:
                break
        rest = bytes(self._buffer)
        self._buffer.clear()
        if len(rest) > limit:
            raise (
                errors.MalformedTrailerError()
                if self._payload.trailer
                else _malformed("there is something behind the last chunk")
            )
        return rest

    async def _read_trailers(self) -> None:
        rest = await self._rest(TRAILERS_SIZE_MAX)
        trailers: dict[str, str] = {}
        given: str | None = None
        for line in rest.split(b"\n"):
            text = line.rstrip(b"\r").decode("latin-1")
            if not text:
                continue
            name, colon, value = text.partition(":")
            name = name.strip().lower()
            if not colon or not name or name in trailers or given is not None:
                raise errors.MalformedTrailerError()
            if name == _TRAILER_SIGNATURE:
                given = value.strip()
            else:
                trailers[name] = value.strip()
        if self._seed is not None:
            if given is None:
                raise errors.MalformedTrailerError()
            canonical = "".join(f"{name}:{value}\n" for name, value in trailers.items())
            digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
            self._verify(self._seed, _TRAILER_ALGORITHM, digest, given)
        self.trailers = trailers

    # --- signatures

    def _verify_chunk(self, seed: Signed, chunk: bytes, given: str) -> None:
        digest = hashlib.sha256(chunk).hexdigest()
        self._verify(seed, _CHUNK_ALGORITHM, f"{_EMPTY_SHA256}\n{digest}", given)

    def _verify(self, seed: Signed, algorithm: str, hashes: str, given: str) -> None:
        """Each signature covers the one before it: chunks cannot be left out, repeated or moved."""
        text = f"{algorithm}\n{seed.timestamp}\n{seed.scope}\n{self._previous}\n{hashes}"
        if not same(seed.key.sign(text.encode("latin-1")), given):
            raise errors.S3SignatureDoesNotMatch(
                members={"StringToSign": text, "SignatureProvided": given}
            )
        self._previous = given


def decoded_length(headers: dict[str, str]) -> int:
    """What x-amz-decoded-content-length says. Raises: MissingContentLength, InvalidArgument."""
    text = headers.get("x-amz-decoded-content-length")
    if text is None:
        raise errors.MissingContentLength()
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise errors.InvalidArgument(
            detail="The x-amz-decoded-content-length header must be a number of bytes.",
            members={"ArgumentName": "x-amz-decoded-content-length", "ArgumentValue": text},
        )
    return int(text)


def _malformed(detail: str) -> AwsError:
    return errors.InvalidRequest(detail=f"The aws-chunked body is malformed: {detail}.")
