"""Environment variables under a key of the caller's own: encrypted before they are stored, decrypted for those who may.

Whoever sets them must be allowed to use the key, and lets Lambda go on doing so by a grant, one for each function and
key; it ends when no version of the function has variables under the key any more. Whoever looks at them must be
allowed to decrypt; who is not is told so in their place. A function gets them by the grant, so its role needs nothing.
AWS: Lambda Developer Guide, "Securing Lambda environment variables".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec
import orjson

from pilvi.base.arn import Scope
from pilvi.contracts.jobs import Job
from pilvi.contracts.keys import KeyNotUsable, Keys, KeyUser, caller_through, service_itself
from pilvi.kit.call import Call
from pilvi.services.lambda_ import errors
from pilvi.services.lambda_.names import FunctionName, function_arn
from pilvi.services.lambda_.records import Configuration, SealedVariables
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import FunctionConfiguration
from pilvi.store.api import Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud

_SERVICE = "lambda"
_CONTEXT = "aws:lambda:FunctionArn"
_OPERATIONS = ("Decrypt",)

_FAILURES: dict[str, type[errors.KmsFailure]] = {
    "AccessDeniedException": errors.KMSAccessDeniedException,
    "DisabledException": errors.KMSDisabledException,
    "NotFoundException": errors.KMSNotFoundException,
}


class _Release(msgspec.Struct, frozen=True):
    """A grant that no version of the function needs any more."""

    arn: str
    key_arn: str
    grant_id: str


def is_changed(old: Configuration | None, wanted: Configuration, *, given: bool) -> bool:
    """Whether variables must be encrypted or decrypted for this change. `given`: the request has variables."""
    if old is None:
        return wanted.settings.kms_key is not None and wanted.environment is not None
    if wanted.settings.kms_key == old.settings.kms_key:
        return given and wanted.settings.kms_key is not None
    return old.sealed is not None or wanted.environment is not None


async def change(
    call: Call, name: FunctionName, old: Configuration | None, wanted: Configuration, *, given: bool
) -> Configuration:
    """The wanted configuration with its variables under the key that it asks for.

    Raises: InvalidParameterValueException where KMS refuses, in its words.
    """
    by = caller_through(call, _SERVICE, scope=name.scope)
    variables = wanted.environment
    try:
        if old is not None and old.sealed is not None and not given:
            variables = await _open(call.ask(Keys), old.sealed, name.arn, by)
        key = wanted.settings.kms_key
        if key is None or variables is None:
            return msgspec.structs.replace(wanted, environment=variables, sealed=None)
        before = None if old is None else old.sealed
        sealed = await _seal(call, name, key, variables, before, by)
    except KeyNotUsable as problem:
        raise errors.InvalidParameterValueException(
            detail="Lambda was unable to configure access to your environment variables because the"
            " KMS key is invalid for CreateGrant. Please check your KMS key settings."
            f" KMS Exception: {problem.code} KMS Message: {problem.reason}"
        ) from None
    return msgspec.structs.replace(wanted, environment=None, sealed=sealed)


async def _seal(
    call: Call,
    name: FunctionName,
    key: str,
    variables: dict[str, str],
    before: SealedVariables | None,
    by: KeyUser,
) -> SealedVariables:
    """Raises: KeyNotUsable."""
    keys, context = call.ask(Keys), {_CONTEXT: name.arn}
    encrypted = await keys.encrypt(key, orjson.dumps(variables), context, by=by)
    if before is not None and before.key_arn == encrypted.key_arn:
        grant_id = before.grant_id
    else:
        grant_id = await keys.entrust(
            encrypted.key_arn, _OPERATIONS, by=by, source_arn=name.arn, context=context
        )
    return SealedVariables(encrypted.ciphertext, encrypted.key_arn, grant_id)


async def undo(
    call: Call, name: FunctionName, made: Configuration, old: Configuration | None
) -> None:
    """What `change` made is not stored after all: its grant ends, unless the old configuration has it."""
    sealed = made.sealed
    if sealed is None or (
        old is not None and old.sealed is not None and old.sealed.grant_id == sealed.grant_id
    ):
        return
    by = service_itself(_SERVICE, name.scope, source_arn=name.arn)
    await call.ask(Keys).release(sealed.key_arn, sealed.grant_id, by=by)


async def _open(keys: Keys, sealed: SealedVariables, arn: str, by: KeyUser) -> dict[str, str]:
    """Raises: KeyNotUsable."""
    opened = await keys.decrypt(sealed.ciphertext, {_CONTEXT: arn}, by=by, key=sealed.key_arn)
    return msgspec.json.decode(opened.plaintext, type=dict[str, str])


# --- for whoever looks, and for the function


async def tell(
    call: Call,
    scope: Scope,
    told: Iterable[tuple[FunctionConfiguration, Configuration]],
) -> None:
    """Put the variables that are under a key into what is told of configurations, or why they cannot be told."""
    for result, configuration in told:
        sealed = configuration.sealed
        if sealed is None:
            continue
        arn = function_arn(scope, str(result.get("FunctionName")))
        by = caller_through(call, _SERVICE, scope=scope)
        try:
            variables = await _open(call.ask(Keys), sealed, arn, by)
        except KeyNotUsable as problem:
            result["Environment"] = {
                "Error": {
                    "ErrorCode": problem.code,
                    "Message": "Lambda was unable to decrypt your environment variables because the"
                    " KMS access was denied. Please check your KMS permissions."
                    f" KMS Exception: {problem.code} KMS Message: {problem.reason}",
                }
            }
        else:
            result["Environment"] = {"Variables": variables}


async def variables_of(
    cloud: Cloud, scope: Scope, arn: str, configuration: Configuration
) -> dict[str, str]:
    """The variables that a function runs with. `arn`: of the function. Raises: KMS...Exception."""
    sealed = configuration.sealed
    if sealed is None:
        return configuration.environment or {}
    by = service_itself(_SERVICE, scope, source_arn=arn)
    try:
        return await _open(cloud.ask(Keys), sealed, arn, by)
    except KeyNotUsable as problem:
        failure = _FAILURES.get(problem.code, errors.KMSInvalidStateException)
        raise failure(code=problem.code, reason=problem.reason) from None


# --- grants that nobody needs


def release_unused(
    tx: Transaction,
    name: FunctionName,
    gone: Iterable[Configuration],
    kept: Iterable[Configuration],
    *,
    now_ms: int,
) -> None:
    """Let the grants of what is gone end, once this transaction is, unless something that is kept needs them."""
    ended = {one.sealed.grant_id: one.sealed for one in gone if one.sealed is not None}
    if not ended:
        return
    needed = {one.sealed.grant_id for one in kept if one.sealed is not None}
    for grant_id, sealed in ended.items():
        if grant_id not in needed:
            release = _Release(name.arn, sealed.key_arn, grant_id)
            job = Job(
                kind="lambda.release-grant",
                payload=msgspec.msgpack.encode(release),
                id=f"lambda.release-grant/{grant_id}",
                account=name.scope.account,
                region=name.scope.region,
            )
            tx.at(now_ms, job)


@lambda_.job("release-grant")
async def release_grant(cloud: Cloud, job: Job) -> None:
    """End a grant; one that is gone already, or whose key is, is no error."""
    release = msgspec.msgpack.decode(job.payload, type=_Release)
    scope = Scope(job.account, job.region)
    by = service_itself(_SERVICE, scope, source_arn=release.arn)
    try:
        await cloud.ask(Keys).release(release.key_arn, release.grant_id, by=by)
    except KeyNotUsable as problem:
        if problem.code not in ("NotFoundException", "KMSInvalidStateException"):
            raise
