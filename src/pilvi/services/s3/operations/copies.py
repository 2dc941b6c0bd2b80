"""Copying objects: their blobs are shared, no byte is moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.services.s3 import access, asked, bodies, contents, errors, limits
from pilvi.services.s3.records import objects
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Checksum, Object
from pilvi.services.s3.rules import (
    acls,
    checksums,
    conditions,
    descriptions,
    names,
    requests,
    tags,
    version_names,
)
from pilvi.services.s3.service import refuse_unread, s3
from pilvi.services.s3.wire import (
    CopyObjectOutput,
    CopyObjectRequest,
    CopyObjectResult,
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


@s3.stream("CopyObject")
async def copy_object(call: Call, req: CopyObjectRequest, body: Body) -> CopyObjectOutput:
    """Copy an object of up to 5 GB, with its metadata and tags or with new ones.

    The source's bytes are read only when the copy needs a digest that the source does not have: of a
    multipart upload, or by another checksum algorithm.

    Raises: NoSuchBucket, NoSuchKey, AccessDenied, PreconditionFailed, InvalidRequest, InvalidArgument,
        OperationAborted (the source keeps changing), and what PutObject raises.
    AWS: CopyObject; User Guide, "Copying, moving, and renaming objects".
    """
    draft = _draft(req)
    source_at = names.copy_source(req["CopySource"])
    _check_in_place(req, source_at)
    for _ in range(_TRIES):
        source, made = await bodies.opened(call, lambda at: _look(call, at, req, draft))
        refuse_unread("CopyObject", req)
        digests = None if made is None else await bodies.digests_of(*made)
        if draft.tags is None and source.tags:
            await access.permit_copied_tags(call, req)
        try:
            target, stored = await call.transact(
                lambda tx, source=source, digests=digests: _commit(
                    call, tx, req, draft, source, digests
                )
            )
        except _SourceChanged:
            continue
        result = {
            "ETag": descriptions.quoted(stored.etag),
            "LastModified": descriptions.second(stored.modified_at_ms),
            **checksums.members_of(stored.checksum),
        }
        answer: dict[str, Any] = {"CopyObjectResult": cast("CopyObjectResult", result)}
        if source.version_id:
            answer["CopySourceVersionId"] = source.version_id
        answer.update(version_names.told(target, stored.version_id))
        return cast("CopyObjectOutput", answer)
    raise errors.OperationAborted()


def _draft(req: Mapping[str, Any]) -> _Draft:
    key: str = req["Key"]
    names.check_key(key)
    requests.refuse_unbuilt(req)
    asked = acls.asked(req, of_bucket=False)
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
    )


def _directive(req: Mapping[str, Any], member: str, header: str) -> bool:
    """Whether to replace. Raises: InvalidArgument."""
    value = req.get(member, "COPY")
    if value not in ("COPY", "REPLACE"):
        raise errors.InvalidArgument(f"Unknown {header.split('-')[2]} directive.", header, value)
    return value == "REPLACE"


def _check_in_place(req: Mapping[str, Any], source: tuple[str, str, str | None]) -> None:
    """An earlier version may be copied over the current one as it is: that brings it back."""
    if source == (req["Bucket"], req["Key"], None) and not (
        req.get("MetadataDirective") == "REPLACE"
        or "StorageClass" in req
        or "WebsiteRedirectLocation" in req
    ):
        raise errors.InvalidRequest(detail=_IN_PLACE)


def _find_source(call: Call, at: Snapshot, req: Mapping[str, Any]) -> tuple[Bucket, Object]:
    """Raises: NoSuchBucket, NoSuchKey, AccessDenied, PreconditionFailed, InvalidRequest (too large)."""
    name, key, version_id = names.copy_source(req["CopySource"])
    bucket = access.admit_source(call, at, name, req.get("ExpectedSourceBucketOwner"))
    source = asked.get_source(at, bucket, key, version_id)
    conditions.check_copy_source(req, source, call.now_ms)
    if source.size > limits.COPY_BYTES_MAX:
        raise errors.InvalidRequest(
            detail="The specified copy source is larger than the maximum allowable size for a copy source:"
            f" {limits.COPY_BYTES_MAX}"
        )
    return bucket, source


def _look(
    call: Call, at: Snapshot, req: Mapping[str, Any], draft: _Draft
) -> tuple[Object, tuple[bytes | Body, str] | None]:
    """The source, and its body with an algorithm where digests of it must be made."""
    target = access.admit(call, at, req)
    access.owned(call, at, target, draft.asked)
    conditions.check_write(req, draft.key, objects.find_object(at, target, draft.key))
    bucket, source = _find_source(call, at, req)
    algorithm = draft.algorithm or source.checksum.algorithm
    if not source.parts and algorithm == source.checksum.algorithm:
        return source, None
    return source, (bodies.contents(call, at, bucket, source, 0, source.size), algorithm)


def _commit(
    call: Call,
    tx: Transaction,
    req: Mapping[str, Any],
    draft: _Draft,
    seen: Object,
    digests: bodies.Digests | None,
) -> tuple[Bucket, Object]:
    """Raises: _SourceChanged."""
    target = access.admit(call, tx, req)
    owner, acl = access.owned(call, tx, target, draft.asked)
    source_bucket, source = _find_source(call, tx, req)
    if source.id != seen.id or source.tags != seen.tags:
        raise _SourceChanged
    current = objects.find_object(tx, target, draft.key)
    conditions.check_write(req, draft.key, current)
    pieces = objects.get_pieces(tx, source_bucket, source)
    for piece in pieces:
        call.cloud.blobs.retain(tx, piece.blob)
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
        etag=source.etag if digests is None else digests.md5.hex(),
        modified_at_ms=call.now_ms,
        checksum=source.checksum
        if digests is None
        else Checksum(digests.algorithm, digests.checksum),
        blob=source.blob,
        storage_class=draft.storage_class,
        headers=headers,
        metadata=source.metadata if draft.metadata is None else draft.metadata,
        tags=source.tags if draft.tags is None else draft.tags,
        owner=owner,
        acl=acl,
    )
    return target, contents.put(
        call,
        tx,
        target,
        stored,
        pieces=None if source.blob is not None else pieces,
        replaced=current,
        event="ObjectCreated:Copy",
    )
