"""Writing replicas: into their place among the versions of their key, by the rank that their id tells.

Here nothing is asked for, and nothing waits: `permits.py` has done that. What a bucket cannot take is found out before
anything is written.
"""

from __future__ import annotations

import msgspec

from pilvi.base.errors import AwsError
from pilvi.kit.call import Call
from pilvi.services.s3 import events
from pilvi.services.s3.encryption import keys
from pilvi.services.s3.encryption.keys import Envelope
from pilvi.services.s3.records import buckets, objects, versions
from pilvi.services.s3.records.buckets import ENABLED, Bucket
from pilvi.services.s3.records.encryption import SSE_C, SSE_KMS, Encryption
from pilvi.services.s3.records.grants import Acl
from pilvi.services.s3.records.locks import Lock
from pilvi.services.s3.records.objects import Object, Piece
from pilvi.services.s3.records.replication import Replication
from pilvi.services.s3.records.versions import Version
from pilvi.services.s3.replication.permits import Permit, Refused
from pilvi.services.s3.replication.records import CONTENT, Rule
from pilvi.services.s3.rules import acls, locks
from pilvi.services.s3.rules.notifications import Event
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.blob_rows import BlobCorrupt

_NOTHING_MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def check_destination(source: Bucket, destination: Bucket | None, rule: Rule) -> Bucket:
    """Whether replicas can be in a bucket. Raises: Refused."""
    if destination is None:
        raise Refused("DstBucketNotFound", rule.destination)
    if rule.account and rule.account != destination.account:
        raise Refused(
            "DstPutObjectNotPermitted", f"{destination.name} is not account {rule.account}'s"
        )
    if destination.versioning != ENABLED:
        raise Refused("DstBucketUnversioned", destination.name)
    if source.lock is not None and destination.lock is None:
        raise Refused("DstBucketObjectLockConfigMissing", destination.name)
    return destination


def put_marker(tx: Transaction, permit: Permit, marker: Version) -> None:
    """Raises: Refused."""
    call, destination = permit.call, permit.destination
    if versions.find(tx, destination, marker.key, marker.id) is not None:
        return
    _check_place(tx, destination, marker.key, marker.rank)
    current = objects.find_object(tx, destination, marker.key)
    if current is not None and current.rank < marker.rank:
        versions.put_past(tx, destination, current)
        objects.delete_object(tx, destination, current)
    versions.put_marker(tx, destination, marker)
    name = "ObjectRemoved:DeleteMarkerCreated"
    told = Event(name, marker.key, call.now_ms, etag=_NOTHING_MD5, version_id=marker.id)
    events.tell(call, tx, destination, told)


def put_object(tx: Transaction, permit: Permit, source: Bucket, stored: Object, what: str) -> None:
    """Make the replica; of one that is there already, bring up to date what can change. Raises: Refused."""
    call, destination = permit.call, permit.destination
    there = versions.find(tx, destination, stored.key, stored.version_id)
    owner, acl = _owned(source, stored, destination, permit.rule)
    if acls.is_public(acl) and buckets.blocked(tx, destination).block_acls:
        raise Refused("DstPutAclNotPermitted", f"{destination.name} blocks public lists")
    if isinstance(there, Object) and _is_of(there, stored):
        _update(tx, permit, there, stored, acl)
        return
    if what != CONTENT:
        raise Refused("DstVersionNotFound", destination.name, final=True)
    if there is not None:
        assert not stored.version_id, stored.key
        _check_removable(there, call.now_ms)
    else:
        _check_place(tx, destination, stored.key, stored.rank)
    pieces, how = _shared(tx, permit, source, stored)
    if there is not None:
        _take_out(call, tx, destination, there)
    whole = pieces[0] if stored.blob is not None else None
    replica = msgspec.structs.replace(
        stored,
        id=call.entropy.hex(32),
        blob=None if whole is None else whole.blob,
        sealed=None if whole is None else whole.sealed,
        encryption=how,
        storage_class=permit.rule.storage_class or stored.storage_class,
        owner=owner,
        acl=acl,
        lock=stored.lock or locks.of_new(destination, None, call.now_ms),
        replication=Replication(replica=True),
        restore=None,
    )
    _insert(tx, destination, replica, None if whole is not None else pieces)
    name = "ObjectCreated:CompleteMultipartUpload" if stored.parts else "ObjectCreated:Put"
    told = Event(
        name,
        stored.key,
        call.now_ms,
        etag=stored.etag,
        size=stored.size,
        version_id=stored.version_id,
    )
    events.tell(call, tx, destination, told)


def _is_of(there: Object, stored: Object) -> bool:
    """Whether a version is the same one. Null versions all have one id."""
    if stored.version_id:
        return True
    return (there.rank, there.etag, there.size) == (stored.rank, stored.etag, stored.size)


def _check_place(at: Snapshot, destination: Bucket, key: str, rank: int) -> None:
    """Two buckets may give one rank to two versions, if they are written in the same millisecond."""
    if versions.find_rank(at, destination, key, rank) is not None:
        raise Refused(
            "DstPutObjectNotPermitted",
            f"{destination.name} has another version in this one's place",
            final=True,
        )


def _check_removable(there: Object | Version, now_ms: int) -> None:
    """A null version replaces the null version that is there, if that may be. Raises: Refused."""
    if isinstance(there, Object):
        try:
            locks.check_removable(there.lock, now_ms, bypass=False)
        except AwsError as error:
            raise Refused("DstPutObjectNotPermitted", error.text) from error


def _take_out(call: Call, tx: Transaction, destination: Bucket, there: Object | Version) -> None:
    if isinstance(there, Object):
        for piece in objects.get_pieces(tx, destination, there):
            call.cloud.blobs.release(tx, piece.blob)
        objects.delete_manifest(tx, destination, there)
    versions.take_out(tx, destination, there)


def _insert(
    tx: Transaction, destination: Bucket, replica: Object, pieces: tuple[Piece, ...] | None
) -> None:
    """Invariants 4 and 5 of the records: what is newest is current, whenever it comes."""
    current = objects.find_object(tx, destination, replica.key)
    newest = current or versions.find_newest(tx, destination, replica.key)
    if newest is None or newest.rank < replica.rank:
        if current is not None:
            versions.put_past(tx, destination, current)
        objects.put_object(tx, destination, replica, pieces)
        return
    if pieces is not None:
        objects.put_manifest(tx, destination, replica, pieces)
    versions.put_past(tx, destination, replica)


def _owned(source: Bucket, stored: Object, destination: Bucket, rule: Rule) -> tuple[str, Acl]:
    """Whose the replica is, and its list: the source's, unless the destination's owner is to have it."""
    overridden = rule.overrides and source.account != destination.account
    if overridden or not destination.has_acls:
        return "", None
    owner = source.owner_of(stored.owner) or source.account
    acl = stored.acl if source.has_acls else None
    return "" if owner == destination.account else owner, acl


def _shared(
    tx: Transaction, permit: Permit, source: Bucket, stored: Object
) -> tuple[tuple[Piece, ...], Encryption | None]:
    """The source's blobs with one reference more, and their keys wrapped for the replica. Raises: Refused, before
    anything is written.

    The customer alone has the key of what is under SSE-C; so its wrapped keys stay as they are.
    """
    call, how = permit.call, stored.encryption
    pieces = objects.get_pieces(tx, source, stored)
    if how is not None and how.kind != SSE_C:
        ring = keys.keyring(call.cloud)
        envelope = permit.envelope or Envelope(how)
        assert how.kind != SSE_KMS or permit.envelope is not None, stored.key
        of = permit.unwrapping or ring.of_bucket(tx, source)
        wrapping = envelope.wrapping(call.cloud, tx, permit.destination)
        how = envelope.how
        rewrapped: list[Piece] = []
        try:
            for piece in pieces:
                assert piece.sealed is not None, stored.key
                sealed = keys.rewrapped(call, piece.blob, piece.sealed, of, wrapping)
                rewrapped.append(msgspec.structs.replace(piece, sealed=sealed))
        except BlobCorrupt as error:
            raise Refused("SrcObjectNotFound", str(error), final=True) from error
        pieces = tuple(rewrapped)
    for piece in pieces:
        call.cloud.blobs.retain(tx, piece.blob)
    return pieces, how


def _update(tx: Transaction, permit: Permit, there: Object, stored: Object, acl: Acl) -> None:
    call, destination = permit.call, permit.destination
    changed = msgspec.structs.replace(
        there, tags=stored.tags, acl=acl, lock=_lock(there.lock, stored.lock, call.now_ms)
    )
    if changed == there:
        return
    versions.put_row(tx, destination, changed)
    happened: list[str] = []
    if changed.tags != there.tags:
        happened.append("ObjectTagging:Put" if changed.tags else "ObjectTagging:Delete")
    if changed.acl != there.acl:
        happened.append("ObjectAcl:Put")
    for name in happened:
        told = Event(name, stored.key, call.now_ms, etag=stored.etag, version_id=stored.version_id)
        events.tell(call, tx, destination, told)


def _lock(there: Lock | None, wanted: Lock | None, now_ms: int) -> Lock | None:
    """The source's, but retention that stands in the destination is never made weaker from elsewhere."""
    if there is None or wanted == there:
        return wanted
    given = wanted or Lock()
    try:
        locks.check_change(there, given, now_ms, bypass=False)
    except AwsError:
        given = Lock(there.mode, there.until_ms, given.held)
    return None if given == Lock() else given
