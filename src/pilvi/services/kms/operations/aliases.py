"""Aliases: friendly names for keys."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.kms import errors, limits, pages, records
from pilvi.services.kms.keyring import Keyring
from pilvi.services.kms.records import Alias, Key
from pilvi.services.kms.rules import names, states
from pilvi.services.kms.service import kms
from pilvi.services.kms.wire import (
    AliasListEntry,
    CreateAliasRequest,
    DeleteAliasRequest,
    ListAliasesRequest,
    ListAliasesResponse,
    UpdateAliasRequest,
)
from pilvi.store.api import Snapshot, Transaction


@kms.write("CreateAlias")
def create_alias(call: Call, tx: Transaction, req: CreateAliasRequest) -> None:
    """Raises: ValidationException, NotAuthorizedException (alias/aws/...), AlreadyExistsException,
    NotFoundException, KMSInvalidStateException, LimitExceededException. AWS: CreateAlias.
    """
    name = req["AliasName"]
    names.check_alias(name)
    ring = Keyring.of(call)
    key = ring.get_own(tx, req["TargetKeyId"], "CreateAlias")
    ring.require(key, states.ALIVE)
    if records.aliases.find(tx, records.home(call.scope), name) is not None:
        arn = names.arn_of(call.scope, name)
        raise errors.AlreadyExistsException(detail=f"An alias with the name {arn} already exists")
    _check_room(tx, key)
    alias = Alias(name=name, key_id=key.id, created_ms=call.now_ms, updated_ms=call.now_ms)
    records.aliases.put(tx, records.home(call.scope), alias)


@kms.write("UpdateAlias")
def update_alias(call: Call, tx: Transaction, req: UpdateAliasRequest) -> None:
    """Let an alias name another key, of the same type and usage.

    Raises: NotFoundException, ValidationException, KMSInvalidStateException, LimitExceededException.
    AWS: UpdateAlias.
    """
    alias = _get(call, tx, req["AliasName"])
    ring = Keyring.of(call)
    key = ring.get_own(tx, req["TargetKeyId"], "UpdateAlias")
    ring.require(key, states.ALIVE)
    old = records.find_key(tx, call.scope, alias.key_id)
    if old is not None and (_kind(old), old.usage) != (_kind(key), key.usage):
        raise errors.ValidationException(
            detail=f"Alias {names.arn_of(call.scope, alias.name)} cannot be changed from key {old.arn} to"
            f" {key.arn}: they differ in type or key usage."
        )
    if alias.key_id != key.id:
        _check_room(tx, key)
    changed = msgspec.structs.replace(alias, key_id=key.id, updated_ms=call.now_ms)
    records.aliases.put(tx, records.home(call.scope), changed)


@kms.write("DeleteAlias")
def delete_alias(call: Call, tx: Transaction, req: DeleteAliasRequest) -> None:
    """Raises: NotFoundException, NotAuthorizedException (alias/aws/...). AWS: DeleteAlias."""
    alias = _get(call, tx, req["AliasName"])
    records.aliases.delete(tx, records.home(call.scope), alias.name)


@kms.read("ListAliases")
def list_aliases(call: Call, at: Snapshot, req: ListAliasesRequest) -> ListAliasesResponse:
    """All aliases, or those of one key. AWS managed keys appear once they are in use.

    Raises: NotFoundException, InvalidMarkerException. AWS: ListAliases.
    """
    start = pages.after_marker(req)
    if "KeyId" in req:
        key = Keyring.of(call).get_by_id(at, req["KeyId"], "ListAliases")
        behind = None if start is None else (key.id, *start)
        found = records.aliases.scan_index(
            at, records.home(call.scope), "key", (key.id,), after_entry=behind
        )
    else:
        found = records.aliases.scan(at, records.home(call.scope), after_key=start)
    page, more = pages.cut(
        req,
        found,
        lambda alias: (alias.name,),
        default=limits.PAGE_FEW,
        most=limits.PAGE_FEW_MAX,
    )
    return {"Aliases": [_told(call, alias) for alias in page], **more}


def _told(call: Call, alias: Alias) -> AliasListEntry:
    return {
        "AliasName": alias.name,
        "AliasArn": names.arn_of(call.scope, alias.name),
        "TargetKeyId": alias.key_id,
        "CreationDate": alias.created_ms,
        "LastUpdatedDate": alias.updated_ms,
    }


def _get(call: Call, at: Snapshot, name: str) -> Alias:
    names.check_alias(name)
    alias = records.aliases.find(at, records.home(call.scope), name)
    if alias is None:
        raise errors.AliasNotFound(arn=names.arn_of(call.scope, name))
    return alias


def _kind(key: Key) -> str:
    """Symmetric, HMAC, or a pair: as AWS tells types apart here."""
    return key.spec.partition("_")[0] if key.spec.startswith(("SYM", "HMAC")) else "pair"


def _check_room(at: Snapshot, key: Key) -> None:
    if sum(1 for _ in records.aliases_of(at, key)) >= limits.ALIASES_OF_KEY_MAX:
        raise errors.LimitExceededException(
            detail=f"A key has at most {limits.ALIASES_OF_KEY_MAX} aliases."
        )
