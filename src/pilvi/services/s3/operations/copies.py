"""Copying objects: their blobs are shared, and no byte is moved, unless the copy is encrypted in another way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import msgspec

from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.services.s3 import access, asked, bodies, contents, errors, limits
from pilvi.services.s3.encryption import keys
from pilvi.services.s3.encryption.keys import Envelope, Unlocked
from pilvi.services.s3.records import objects
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.encryption import SSE_S3
from pilvi.services.s3.records.locks import Lock
from pilvi.services.s3.records.objects import Checksum, Object, Piece
from pilvi.services.s3.rules import (
    acls,
    archives,
    checksums,
    conditions,
    descriptions,
    encryption,
    locks,
    names,
    requests,
    tags,
    version_names,
)
from pilvi.services.s3.rules.encryption import Asked
from pilvi.services.s3.service import refuse_unread, s3
from pilvi.services.s3.wire import (
    CopyObjectOutput,
    CopyObjectRequest,
)
from pilvi.store.api import Snapshot, Transaction

_TRIES = 5
_IN_PLACE = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the"
    " object's metadata, storage class, website redirect location or encryption attributes."
)


class _SourceChanged(Exception):
    """The source was written between looking and committing."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """What the copy will have, whatever its source is."""

    key: str
    algorithm: str | None
    storage_class: str
    headers: dict[str, str | int] | None
    metadata: dict[str, str] | None
    redirect: str | None
    tags: dict[str, str] | None
    asked: acls.Asked
    lock: Lock | None


@s3.stream("CopyObject")
async def copy_object(call: Call, req: CopyObjectRequest, body: Body) -> CopyObjectOutput:
    """Copy an object of up to 5 GB, with its metadata and tags or with new ones.

    The source's bytes are read only when the copy needs a digest that the source does not have (of a multipart upload,
    or by another checksum algorithm), or when it is encrypted with another key: then it is stored anew.

    Raises: NoSuchBucket, NoSuchKey, AccessDenied, PreconditionFailed, InvalidRequest, InvalidArgument,
        OperationAborted (the source keeps changing), and what PutObject raises.
    AWS: CopyObject; User Guide, "Copying, moving, and renaming objects".
    """
    draft = _draft(req, call.now_ms)
    wish = encryption.asked(req)
    unlocked = Unlocked(call, encryption.customer_key(req, "CopySource"))
    envelope = await keys.envelope_for(
        call, req["Bucket"], draft.key, wish, lambda at: access.admit(call, at, req)
    )
    for _ in range(_TRIES):
        source, made = await unlocked.view(
            lambda at: _look(call, at, req, draft, wish, envelope, unlocked)
        )
        refuse_unread("CopyObject", req)
        if draft.tags is None and source.tags:
            await access.permit_copied_tags(call, req)
        digests, taken = await _made(call, source, made, envelope)
        commit = partial(
            _commit,
            call,
            req=req,
            draft=draft,
            seen=source,
            digests=digests,
            taken=taken,
            envelope=envelope,
            unlocked=unlocked,
        )
        try:
            target, stored = await (
                call.transact(commit) if taken is None else bodies.commit(call, taken, commit)
            )
        except _SourceChanged:
            continue
        result = {
            "ETag": descriptions.quoted(stored.etag),
            "LastModified": descriptions.second(stored.modified_at_ms),
            **checksums.members_of(stored.checksum),
        }
        answer: dict[str, Any] = {
            "CopyObjectResult": result,
            **encryption.told(stored.encryption, wish.customer, wish),
        }
        if source.version_id:
            answer["CopySourceVersionId"] = source.version_id
        answer.update(version_names.told(target, stored.version_id))
        return cast("CopyObjectOutput", answer)
    raise errors.OperationAborted()


async def _made(
    call: Call, source: Object, made: tuple[bytes | Body, str] | None, envelope: Envelope
) -> tuple[bodies.Digests | None, bodies.Taken | None]:
    """What must be made of the source's bytes: digests, or with them the bytes anew."""
    if made is None:
        return None, None
    if envelope.shares(source.encryption):
        return await bodies.digests_of(*made), None
    content, algorithm = made
    taken = await bodies.take_copy(
        call, bodies.pieces_of(content), size_max=limits.COPY_BYTES_MAX, algorithm=algorithm
    )
    return taken.digests, taken


def _draft(req: Mapping[str, Any], now_ms: int) -> _Draft:
    key: str = req["Key"]
    names.check_key(key)
    requests.refuse_unbuilt(req)
    asked = acls.asked(req, of_bucket=False)
    lock = locks.asked(req, now_ms)
    conditions.check_write_headers(req)
    headers, metadata = requests.headers_of(req), requests.metadata_of(req)
    given_tags = tags.tags_of_header(req.get("Tagging"))
    replaces = _directive(req, "MetadataDirective", "x-amz-metadata-directive")
    replaces_tags = _directive(req, "TaggingDirective", "x-amz-tagging-directive")
    redirect = headers.get("WebsiteRedirectLocation")
    return _Draft(
        key=key,
        algorithm=checksums.upload_checksum(req.get("ChecksumAlgorithm"), None)[0],
        storage_class=requests.storage_class(req),
        headers=headers if replaces else None,
        metadata=metadata if replaces else None,
        redirect=redirect if isinstance(redirect, str) else None,
        tags=given_tags if replaces_tags else None,
        asked=asked,
        lock=lock,
    )


def _directive(req: Mapping[str, Any], member: str, header: str) -> bool:
    """Whether to replace. Raises: InvalidArgument."""
    value = req.get(member, "COPY")
    if value not in ("COPY", "REPLACE"):
        raise errors.InvalidArgument(f"Unknown {header.split('-')[2]} directive.", header, value)
    return value == "REPLACE"


def _check_in_place(req: Mapping[str, Any], target: Bucket, source: Object, wish: Asked) -> None:
    """An earlier version may be copied over the current one as it is: that brings it back. Raises: InvalidRequest."""
    if names.copy_source(req["CopySource"]) == (req["Bucket"], req["Key"], None) and not (
        req.get("MetadataDirective") == "REPLACE"
        or "StorageClass" in req
        or "WebsiteRedirectLocation" in req
        or wish.anything
        or target.encryption is not None
        or (source.encryption is not None and source.encryption.kind != SSE_S3)
    ):
        raise errors.InvalidRequest(detail=_IN_PLACE)


def _find_source(call: Call, at: Snapshot, req: Mapping[str, Any]) -> tuple[Bucket, Object]:
    """Raises: NoSuchBucket, NoSuchKey, AccessDenied, PreconditionFailed, InvalidRequest (too large)."""
    name, key, version_id = names.copy_source(req["CopySource"])
    bucket = access.admit_source(call, at, name, req.get("ExpectedSourceBucketOwner"))
    source = asked.get_source(at, bucket, key, version_id)
    conditions.check_copy_source(req, source, call.now_ms)
    archives.check_readable(source, call.now_ms, as_source=True)
    if source.size > limits.COPY_BYTES_MAX:
        raise errors.InvalidRequest(
            detail="The specified copy source is larger than the maximum allowable size for a copy source:"
            f" {limits.COPY_BYTES_MAX}"
        )
    return bucket, source


def _look(
    call: Call,
    at: Snapshot,
    req: Mapping[str, Any],
    draft: _Draft,
    wish: Asked,
    envelope: Envelope,
    unlocked: Unlocked,
) -> tuple[Object, tuple[bytes | Body, str] | None]:
    """The source, and its body with an algorithm where something must be made of it. Raises: Locked."""
    target = access.admit(call, at, req)
    access.owned(call, at, target, draft.asked)
    locks.of_new(target, draft.lock, call.now_ms)
    conditions.check_write(req, draft.key, objects.find_object(at, target, draft.key))
    bucket, source = _find_source(call, at, req)
    _check_in_place(req, target, source, wish)
    unlocked.key(at, bucket, source.encryption)
    algorithm = draft.algorithm or source.checksum.algorithm
    if (
        envelope.shares(source.encryption)
        and not source.parts
        and algorithm == source.checksum.algorithm
    ):
        return source, None
    content = bodies.contents(call, at, bucket, source, 0, source.size, unlocked)
    return source, (content, algorithm)


def _commit(
    call: Call,
    tx: Transaction,
    *,
    req: Mapping[str, Any],
    draft: _Draft,
    seen: Object,
    digests: bodies.Digests | None,
    taken: bodies.Taken | None,
    envelope: Envelope,
    unlocked: Unlocked,
) -> tuple[Bucket, Object]:
    """Raises: _SourceChanged."""
    target = access.admit(call, tx, req)
    owner, acl = access.owned(call, tx, target, draft.asked)
    source_bucket, source = _find_source(call, tx, req)
    if source.id != seen.id or source.tags != seen.tags:
        raise _SourceChanged
    current = objects.find_object(tx, target, draft.key)
    conditions.check_write(req, draft.key, current)
    if taken is not None:
        ref, sealed = taken.commit(call, tx, target, envelope)
        pieces: tuple[Piece, ...] = (Piece(ref, 1, sealed=sealed),)
    else:
        pieces = _shared(call, tx, source_bucket, source, target, envelope, unlocked)
    whole = pieces[0] if taken is not None or source.blob is not None else None
    headers = draft.headers
    if headers is None:
        headers = {
            name: value
            for name, value in source.headers.items()
            if name != "WebsiteRedirectLocation"
        }
        if draft.redirect is not None:
            headers["WebsiteRedirectLocation"] = draft.redirect
    stored = Object(
        key=draft.key,
        id=call.entropy.hex(32),
        size=source.size,
        etag=source.etag
        if digests is None and envelope.how.kind == SSE_S3
        else envelope.etag(call, b"" if digests is None else digests.md5),
        modified_at_ms=call.now_ms,
        checksum=source.checksum
        if digests is None
        else Checksum(digests.algorithm, digests.checksum),
        blob=None if whole is None else whole.blob,
        sealed=None if whole is None else whole.sealed,
        encryption=envelope.how,
        storage_class=draft.storage_class,
        headers=headers,
        metadata=source.metadata if draft.metadata is None else draft.metadata,
        tags=source.tags if draft.tags is None else draft.tags,
        owner=owner,
        acl=acl,
        lock=locks.of_new(target, draft.lock, call.now_ms),
    )
    return target, contents.put(
        call,
        tx,
        target,
        stored,
        pieces=None if whole is not None else pieces,
        replaced=current,
        event="ObjectCreated:Copy",
    )


def _shared(
    call: Call,
    tx: Transaction,
    source_bucket: Bucket,
    source: Object,
    target: Bucket,
    envelope: Envelope,
    unlocked: Unlocked,
) -> tuple[Piece, ...]:
    """The source's blobs with one reference more, their keys wrapped for the copy."""
    assert source.encryption is not None, source.key
    of = unlocked.key_again(tx, source_bucket, source.encryption)
    wrapping = envelope.wrapping(call.cloud, tx, target)
    pieces: list[Piece] = []
    for piece in objects.get_pieces(tx, source_bucket, source):
        call.cloud.blobs.retain(tx, piece.blob)
        assert piece.sealed is not None, source.key
        sealed = keys.rewrapped(call, piece.blob, piece.sealed, of, wrapping)
        pieces.append(msgspec.structs.replace(piece, sealed=sealed))
    return tuple(pieces)
