"""Filter criteria under a key of the caller's own: encrypted under a data key before they are stored.

Whoever sets them must be allowed to use the key (kms:GenerateDataKey), whoever looks at them to decrypt; who is not is
told so in their place, and lists leave them out. The poller has them decrypted by Lambda itself, which the key's policy
must let in: kms:Decrypt for lambda.amazonaws.com, aws:SourceArn being the mapping's. Where it does not, nothing is
taken from the source.
AWS: Lambda Developer Guide, "Control which events Lambda sends to your function", section "Encryption of filter
criteria"; "Data encryption at rest for AWS Lambda".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pilvi.base.arn import Scope
from pilvi.contracts.keys import KeyNotUsable, Keys, KeyUser, caller_through, service_itself
from pilvi.kit.call import Call
from pilvi.services.lambda_ import errors, mapping_names
from pilvi.services.lambda_.mappings.records import Mapping, SealedFilters, Settings
from pilvi.services.lambda_.wire import EventSourceMappingConfiguration

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud

_SERVICE = "lambda"
_NONCE_BYTES = 12
_MESSAGE_MAX = 2048
_SEALED_AS = b"lambda filter criteria"


async def sealed(call: Call, old: Mapping | None, wanted: Mapping, *, given: bool) -> Settings:
    """The settings of the wanted mapping with its filters under the key that it asks for. `given`: the request has
    filters.

    Raises: InvalidParameterValueException where KMS refuses, in its words.
    """
    settings, by = wanted.settings, caller_through(call, _SERVICE)
    try:
        filters = settings.filters
        if old is not None and old.settings.sealed is not None and not given:
            same_key = old.settings.kms_key_arn == settings.kms_key_arn
            if same_key and _context(old) == _context(wanted):
                return settings
            filters = await _open(call.ask(Keys), old, by)
        if settings.kms_key_arn is None or not filters:
            return msgspec.structs.replace(settings, filters=filters, sealed=None)
        made = await call.ask(Keys).generate_data_key(settings.kms_key_arn, _context(wanted), by=by)
    except KeyNotUsable as problem:
        raise errors.InvalidParameterValueException(
            detail="Lambda was unable to encrypt your filter criteria because of the KMS key. Please check your KMS"
            f" key settings. KMS Exception: {problem.code} KMS Message: {problem.reason}"
        ) from None
    nonce = call.entropy.bytes(_NONCE_BYTES)
    inside = msgspec.json.encode(filters)
    body = nonce + AESGCM(made.plaintext).encrypt(nonce, inside, _SEALED_AS)
    hidden = SealedFilters(body, made.ciphertext, made.key_arn)
    return msgspec.structs.replace(settings, filters=(), sealed=hidden)


async def tell(call: Call, told: EventSourceMappingConfiguration, mapping: Mapping) -> None:
    """Put filters that are under a key into what is told of a mapping, or why they cannot be told."""
    if mapping.settings.sealed is None:
        return
    try:
        filters = await _open(call.ask(Keys), mapping, caller_through(call, _SERVICE))
    except KeyNotUsable as problem:
        told["FilterCriteriaError"] = {
            "ErrorCode": problem.code,
            "Message": "Lambda was unable to decrypt your filter criteria. Please check your KMS permissions."
            f" KMS Exception: {problem.code} KMS Message: {problem.reason}"[:_MESSAGE_MAX],
        }
    else:
        told["FilterCriteria"] = {"Filters": [{"Pattern": one} for one in filters]}


async def opened(cloud: Cloud, scope: Scope, mapping: Mapping) -> Mapping:
    """The mapping as its poller needs it, with its filters. Raises: FiltersNotReadable."""
    settings = mapping.settings
    if settings.sealed is None:
        return mapping
    source_arn = mapping_names.arn_of(scope, mapping.uuid)
    by = service_itself(_SERVICE, scope, source_arn=source_arn)
    try:
        filters = await _open(cloud.ask(Keys), mapping, by)
    except KeyNotUsable as problem:
        raise errors.FiltersNotReadable(code=problem.code, reason=problem.reason) from None
    settings = msgspec.structs.replace(settings, filters=filters, sealed=None)
    return msgspec.structs.replace(mapping, settings=settings)


def _context(mapping: Mapping) -> dict[str, str]:
    return {
        "aws:lambda:EventSourceArn": mapping.source_arn,
        "aws:lambda:FunctionArn": mapping.function_arn,
    }


async def _open(keys: Keys, mapping: Mapping, by: KeyUser) -> tuple[str, ...]:
    """Raises: KeyNotUsable."""
    hidden = mapping.settings.sealed
    assert hidden is not None, "there is something to open"
    key = await keys.decrypt(hidden.data_key, _context(mapping), by=by, key=hidden.key_arn)
    nonce, body = hidden.body[:_NONCE_BYTES], hidden.body[_NONCE_BYTES:]
    inside = AESGCM(key.plaintext).decrypt(nonce, body, _SEALED_AS)
    return msgspec.json.decode(inside, type=tuple[str, ...])
