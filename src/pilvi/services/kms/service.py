"""KMS: its operations and what each of them acts on.

A key is named by its ARN where the request names the key; an alias stands for itself here, because which key it
names is in the store: `access.py` follows it, and brings the key's policy and grants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from pilvi.base.errors import AwsError
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Acts, PermissionsOfRequest, ResourceOf, Service, everything
from pilvi.services.kms import access
from pilvi.services.kms.access import Told
from pilvi.services.kms.ciphers import symmetric
from pilvi.services.kms.rules import conditions, names, tokens
from pilvi.services.kms.rules.grants import limits_asked

ToldOf = Callable[[Call, Mapping[str, Any]], Told]

_TOKENS_NEEDLESS = "a grant holds from its creation on, so a token adds nothing"


def _named(call: Call, text: object) -> str:
    try:
        return names.parse(str(text or ""), call.scope).arn
    except AwsError:
        return "*"


def _key(call: Call, req: Mapping[str, Any]) -> str:
    return _named(call, req.get("KeyId"))


def _of_ciphertext(call: Call, key_id: object, blob: object) -> str:
    """The key that is named, or by which the ciphertext says that it was made."""
    if key_id or not isinstance(blob, bytes):
        return _named(call, key_id)
    try:
        made = symmetric.read(blob)
    except AwsError:
        return "*"
    return names.key_arn(call.scope._replace(account=made.account), made.key_id)


def _decrypted(call: Call, req: Mapping[str, Any]) -> str:
    return _of_ciphertext(call, req.get("KeyId"), req.get("CiphertextBlob"))


def _re_encrypted_from(call: Call, req: Mapping[str, Any]) -> str:
    return _of_ciphertext(call, req.get("SourceKeyId"), req.get("CiphertextBlob"))


def _re_encrypted_to(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    target = _named(call, req.get("DestinationKeyId"))
    told = Told(_texts(req, "DestinationEncryptionContext"), other=_re_encrypted_from(call, req))
    keys = conditions.of_request("kms:ReEncryptTo", req)
    yield Permission("kms:ReEncryptTo", (target,), keys, told)


def _told_of_source(call: Call, req: Mapping[str, Any]) -> Told:
    other = _named(call, req.get("DestinationKeyId"))
    return Told(_texts(req, "SourceEncryptionContext"), other=other)


def _alias(call: Call, req: Mapping[str, Any]) -> str:
    return _named(call, req.get("AliasName"))


def _acts(
    operation: str,
    resource: ResourceOf,
    told: ToldOf | None = None,
    also: PermissionsOfRequest | None = None,
) -> Acts:
    """With the condition keys that its request tells."""

    def context(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        return conditions.of_request(f"kms:{operation}", req)

    return Acts(resource, context=context, told=told or _encryption_context, also=also)


def _encryption_context(call: Call, req: Mapping[str, Any]) -> Told:
    context = _texts(req, "EncryptionContext")
    return Told(context) if context else access.NOTHING


def _texts(req: Mapping[str, Any], member: str) -> Mapping[str, str]:
    return cast("dict[str, str]", req.get(member) or {})


def _created_grant(call: Call, req: Mapping[str, Any]) -> Told:
    return Told(child=limits_asked(req))


def _behind_alias(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """The key that the alias names so far: its policy must allow that the alias is taken from it."""
    action = f"kms:{call.operation}"
    yield Permission(action, (_alias(call, req),), told=Told(behind=True))


def _tagged(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """A new key with tags needs leave for these too; there is no key yet whose policy could give it."""
    if req.get("Tags"):
        keys = conditions.of_request("kms:TagResource", req)
        yield Permission("kms:TagResource", ("*",), keys)


def _replicated(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """A replica is a new key."""
    yield Permission("kms:CreateKey", ("*",), conditions.of_replica(req))
    yield from _tagged(call, req)


def _new_primary(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """The replica that is to lead must allow it as well."""
    region = str(req.get("PrimaryRegion") or "")
    try:
        name = names.parse_key(str(req.get("KeyId") or ""), call.scope)
    except AwsError:
        return
    if names.is_region(region):
        arn = names.key_arn(name.scope._replace(region=region), name.key_id)
        keys = conditions.of_request("kms:UpdatePrimaryRegion", req)
        yield Permission("kms:UpdatePrimaryRegion", (arn,), keys, Told(region=region))


def _retired(call: Call, req: Mapping[str, Any]) -> str:
    token = req.get("GrantToken")
    return _key(call, req) if token is None else tokens.key_arn(token, call.scope) or "*"


def _told_of_retired(call: Call, req: Mapping[str, Any]) -> Told:
    token = req.get("GrantToken")
    if token is None:
        return Told(grant_id=str(req.get("GrantId") or ""))
    return Told(token=tokens.digest(token))


def _alias_and_key(call: Call, req: Mapping[str, Any]) -> tuple[str, str]:
    return _alias(call, req), _named(call, req.get("TargetKeyId"))


_WITH_TOKENS = (
    *("CreateGrant", "Decapsulate", "Decrypt", "DeriveSharedSecret", "DescribeKey"),
    *("Encapsulate", "Encrypt"),
    *("GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
    *("GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetPublicKey", "ReEncrypt", "Sign"),
    *("Verify", "VerifyMac"),
)
_OF_KEYS = (
    *("CancelKeyDeletion", "Decapsulate", "DeleteImportedKeyMaterial", "DeriveSharedSecret"),
    "Encapsulate",
    *("DescribeKey", "DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation"),
    *("Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
    *("GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetKeyPolicy", "GetKeyRotationStatus"),
    *("GetParametersForImport", "GetPublicKey", "ImportKeyMaterial", "ListGrants"),
    *("ListKeyPolicies", "ListKeyRotations", "ListResourceTags", "PutKeyPolicy", "ReplicateKey"),
    *("RevokeGrant", "RotateKeyOnDemand", "ScheduleKeyDeletion", "Sign"),
    *("TagResource", "UntagResource", "UpdateKeyDescription", "UpdatePrimaryRegion", "Verify"),
    "VerifyMac",
)

kms = Service(
    "kms",
    acts={
        **{operation: _acts(operation, _key) for operation in _OF_KEYS},
        "RetireGrant": Acts(
            _retired,
            context=lambda _, req: conditions.of_request("kms:RetireGrant", req),
            told=_told_of_retired,
        ),
        "CreateAlias": Acts(_alias_and_key),
        "CreateGrant": _acts("CreateGrant", _key, _created_grant),
        "CreateKey": _acts("CreateKey", everything, also=_tagged),
        "ReplicateKey": _acts("ReplicateKey", _key, also=_replicated),
        "UpdatePrimaryRegion": _acts("UpdatePrimaryRegion", _key, also=_new_primary),
        "Decrypt": _acts("Decrypt", _decrypted),
        "DeleteAlias": Acts(_alias, also=_behind_alias),
        "GenerateRandom": Acts(everything),
        "ListAliases": Acts(everything),
        "ListKeys": Acts(everything),
        "ListRetirableGrants": Acts(everything),
        "ReEncrypt": Acts(
            _re_encrypted_from,
            "kms:ReEncryptFrom",
            context=lambda _, req: conditions.of_request("kms:ReEncryptFrom", req),
            told=_told_of_source,
            also=_re_encrypted_to,
        ),
        "UpdateAlias": Acts(_alias_and_key, also=_behind_alias),
    },
    on_resource=access.on_key,
    condition_keys=conditions.KNOWN,
    accepted={
        **{operation: {"GrantTokens": _TOKENS_NEEDLESS} for operation in _WITH_TOKENS},
        "ListKeyPolicies": {"Limit": "a key has one policy, so every page holds it"},
    },
)
