"""Asking, in the role's name, for all that one replication needs: of the source, of the destination, of KMS.

AWS: S3 User Guide, "Setting up permissions for live replication", "Replicating encrypted objects", "Amazon S3
replication failure reasons".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError, NotBuilt
from pilvi.contracts.causes import Cause
from pilvi.contracts.credentials import Credential, RoleNotAssumable, Sessions
from pilvi.contracts.delivery import Source
from pilvi.contracts.keys import KeyNotUsable, Keys, caller_through
from pilvi.identity.principal import holder_of
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.permission import Permission, demand
from pilvi.services.s3 import limits
from pilvi.services.s3.encryption import keys
from pilvi.services.s3.encryption.keys import Envelope
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.encryption import SSE_C, SSE_KMS, Encryption
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.replication.records import CONTENT, Rule, Task
from pilvi.services.s3.rules import names, version_names

_SESSION_NAME = "s3-replication"
_SESSION_S = 3600
_MARGIN_MS = 300_000
_YOUNG_MS = 60_000
_ARN = "aws:s3:arn"
_KEY_BYTES = 32
_PASSING = frozenset({"ServiceUnavailable", "InternalFailure", "ThrottlingException"})
"""What KMS says when it does not work just now."""


class Refused(Exception):
    """`reason`: as AWS calls it. `final`: trying again is useless. `passing`: nobody refused, something broke."""

    def __init__(
        self, reason: str, detail: str = "", *, final: bool = False, passing: bool = False
    ) -> None:
        self.reason = reason
        self.detail = detail
        self.final = final
        self.passing = passing
        super().__init__(f"{reason}: {detail}" if detail else reason)


@dataclass(frozen=True, slots=True)
class Permit:
    """`call`: of the role. `unwrapping`, `envelope`: the keys of source and replica, where KMS has them.
    `asked_about`: what the permissions were asked for; of anything else they say nothing."""

    call: Call
    rule: Rule
    destination: Bucket
    asked_about: object
    unwrapping: AESGCM | None = None
    envelope: Envelope | None = None


async def permit(
    cloud: Cloud,
    cause: Cause,
    role: str,
    source: Bucket,
    task: Task,
    stored: Object | None,
    rule: Rule,
    destination: Bucket,
) -> Permit:
    """`stored`: None for a delete marker. Raises: Refused."""
    call = await _call(cloud, cause, role, source)
    try:
        for reason, permission in _needed(source, task, stored, rule, destination):
            await _ask(call, reason, permission)
    except Refused:
        _forget(cloud, role, source)  # another role may have the name by now
        raise
    about = asked_about(stored, destination)
    if stored is None or task.what != CONTENT or stored.encryption is None:
        return Permit(call, rule, destination, about)
    if stored.encryption.kind != SSE_KMS:
        return Permit(call, rule, destination, about)
    unwrapping = await _unlocked(call, source, stored.encryption)
    envelope = await _envelope(call, stored, stored.encryption, rule, destination)
    return Permit(call, rule, destination, about, unwrapping, envelope)


def asked_about(stored: Object | None, destination: Bucket) -> object:
    """Whatever other permissions, or keys, would be needed for."""
    if stored is None:
        return destination.id
    lock = stored.lock
    return (
        destination.id,
        stored.id,
        stored.owner,
        bool(stored.tags),
        lock is not None and lock.mode is not None,
        lock is not None and lock.held is not None,
        stored.encryption,
    )


def _needed(
    source: Bucket, task: Task, stored: Object | None, rule: Rule, destination: Bucket
) -> Iterator[tuple[str, Permission]]:
    """Each with the reason that its want is."""
    there = names.object_arn(destination.name, task.key)
    yield (
        "SrcBucketReplicationConfigMissing",
        Permission("s3:GetReplicationConfiguration", (source.arn,)),
    )
    if stored is None:
        yield "DstDelObjNotPermitted", Permission("s3:ReplicateDelete", (there,))
        return
    here = names.object_arn(source.name, task.key)
    told = {"VersionId": version_names.shown(task.version_id)}

    def of_source(action: str) -> Permission:
        return Permission(f"s3:{action}", (here,), told=told)

    yield "SrcGetObjectNotPermitted", of_source("GetObjectVersionForReplication")
    yield "SrcGetAclNotPermitted", of_source("GetObjectVersionAcl")
    if stored.tags:
        yield "SrcGetTaggingNotPermitted", of_source("GetObjectVersionTagging")
    if stored.lock is not None and stored.lock.mode is not None:
        yield "SrcGetRetentionNotPermitted", of_source("GetObjectRetention")
    if stored.lock is not None and stored.lock.held is not None:
        yield "SrcGetLegalHoldNotPermitted", of_source("GetObjectLegalHold")
    written = _written(stored, rule)
    yield (
        "DstPutObjectNotPermitted",
        Permission("s3:ReplicateObject", (there,), told=written),
    )
    if stored.tags:
        yield "DstPutTaggingNotPermitted", Permission("s3:ReplicateTags", (there,), told=written)
    if rule.overrides and source.account != destination.account:
        yield (
            "DstPutObjectNotPermitted",
            Permission("s3:ObjectOwnerOverrideToBucketOwner", (there,), told=written),
        )


def _written(stored: Object, rule: Rule) -> dict[str, str]:
    """What a request would say that writes the replica."""
    how = stored.encryption
    if how is None:
        return {}
    if how.kind == SSE_C:
        return {"SSECustomerAlgorithm": "AES256"}
    told = {"ServerSideEncryption": how.kind}
    if how.kind == SSE_KMS and rule.kms_key is not None:
        told["SSEKMSKeyId"] = rule.kms_key
    return told


async def _ask(call: Call, reason: str, permission: Permission) -> None:
    try:
        await demand(call, permission)
    except NotBuilt as error:
        raise Refused(reason, error.text, final=True) from error
    except AwsError as error:
        raise Refused(reason, error.text, passing=error.status >= 500) from error


# --- the role


_HELD: WeakKeyDictionary[Cloud, dict[tuple[str, str], Credential]] = WeakKeyDictionary()
"""Sessions of roles, by role and by the id of the bucket that they replicate."""


async def _call(cloud: Cloud, cause: Cause, role: str, source: Bucket) -> Call:
    """A call of the role, which must still let itself be assumed. Raises: Refused."""
    sessions = cloud.ask(Sessions)
    behind = Source("s3.amazonaws.com", source.arn, source.account)
    held = _HELD.setdefault(cloud, {})
    name = (role, source.id)
    now_ms = cloud.clock.now_ms()
    try:
        await sessions.check_assumable(role_arn=role, source=behind)
        credential = held.get(name)
        if credential is None or (credential.expires_at_ms or 0) - _MARGIN_MS <= now_ms:
            credential = await sessions.issue_session(
                role_arn=role, session_name=_SESSION_NAME, duration_s=_SESSION_S, source=behind
            )
    except RoleNotAssumable as error:
        raise Refused("AssumeRoleNotPermitted", str(error)) from error
    held.pop(name, None)
    while len(held) >= limits.BUCKETS_KEPT:
        held.pop(next(iter(held)))
    held[name] = credential
    return Call(
        cloud=cloud,
        service="s3",
        operation="ReplicateObject",
        scope=Scope(source.account, source.region),
        principal=holder_of(credential),
        request_id=cause.request_id,
        now_ms=now_ms,
        parent=cause.parent,
    )


def _forget(cloud: Cloud, role: str, source: Bucket) -> None:
    """Unless the session is as young as the refusal: sessions are records, and there are not to be as many."""
    held = _HELD.get(cloud, {})
    credential = held.get((role, source.id))
    session = None if credential is None else credential.session
    if session is not None and cloud.clock.now_ms() - session.issued_at_ms > _YOUNG_MS:
        del held[role, source.id]


# --- keys of KMS


async def _unlocked(call: Call, source: Bucket, how: Encryption) -> AESGCM:
    try:
        return await keys.unlocked(call, source, how)
    except AwsError as error:
        denied = error.code == "AccessDenied"
        reason = "SrcGetObjectNotPermitted" if denied else "SrcKmsKeyInvalidState"
        raise Refused(reason, error.text, passing=error.status >= 500) from error


async def _envelope(
    call: Call, stored: Object, how: Encryption, rule: Rule, destination: Bucket
) -> Envelope:
    """The replica's key is encrypted with the key of KMS that the rule names, in the region of the replica."""
    assert rule.kms_key is not None, rule.id
    default = destination.encryption
    bucket_key = how.bucket_key or (default is not None and default.bucket_key)
    arn = destination.arn if bucket_key else names.object_arn(destination.name, stored.key)
    context = {**how.context, _ARN: arn}
    secret = call.entropy.bytes(_KEY_BYTES)
    by = caller_through(call, "s3", scope=call.scope._replace(region=destination.region))
    try:
        made = await call.ask(Keys).encrypt(rule.kms_key, secret, context, by=by)
    except KeyNotUsable as error:
        if error.denied:
            reason = "DstPutObjectNotPermitted"
        elif error.code == "NotFoundException":
            reason = "DstKmsKeyNotFound"
        else:
            reason = "DstKmsKeyInvalidState"
        raise Refused(reason, error.reason, passing=error.code in _PASSING) from error
    return Envelope(
        Encryption(SSE_KMS, made.key_arn, made.ciphertext, context, bucket_key), AESGCM(secret)
    )
