"""Condition keys of KMS: what a request, and the key it names, tell to policies. Names in lower case.

AWS: KMS Developer Guide, "AWS KMS condition keys"; Service Authorization Reference, KMS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pilvi.services.kms.records import Key

Keys = dict[str, tuple[str, ...]]

_OF_MEMBERS: Mapping[str, str] = {
    "BypassPolicyLockoutSafetyCheck": "kms:bypasspolicylockoutsafetycheck",
    "DestinationEncryptionAlgorithm": "kms:encryptionalgorithm",
    "EncryptionAlgorithm": "kms:encryptionalgorithm",
    "ExpirationModel": "kms:expirationmodel",
    "GranteePrincipal": "kms:granteeprincipal",
    "KeyAgreementAlgorithm": "kms:keyagreementalgorithm",
    "KeyPairSpec": "kms:datakeypairspec",
    "KeySpec": "kms:keyspec",
    "KeyUsage": "kms:keyusage",
    "MacAlgorithm": "kms:macalgorithm",
    "MessageType": "kms:messagetype",
    "MultiRegion": "kms:multiregion",
    "Origin": "kms:keyorigin",
    "PendingWindowInDays": "kms:schedulekeydeletionpendingwindowindays",
    "PrimaryRegion": "kms:primaryregion",
    "ReplicaRegion": "kms:replicaregion",
    "RetiringPrincipal": "kms:retiringprincipal",
    "RotationPeriodInDays": "kms:rotationperiodindays",
    "SigningAlgorithm": "kms:signingalgorithm",
    "WrappingAlgorithm": "kms:wrappingalgorithm",
    "WrappingKeySpec": "kms:wrappingkeyspec",
}
_CONTEXTS: Mapping[str, str] = {
    "kms:ReEncryptFrom": "SourceEncryptionContext",
    "kms:ReEncryptTo": "DestinationEncryptionContext",
}

KNOWN = frozenset(_OF_MEMBERS.values()) | {
    *("kms:encryptioncontext:*", "kms:encryptioncontextkeys", "kms:grantoperations"),
    *("kms:grantconstrainttype", "kms:resourcealiases", "kms:requestalias"),
    *("kms:viaservice", "kms:grantisforawsresource"),  # nothing asks for others yet
    *("aws:tagkeys", "aws:requesttag/*", "aws:resourcetag/*"),
}
"""Keys that requests here have, or have not for a reason."""


def of_request(action: str, req: Mapping[str, Any]) -> Keys:
    """What a request tells, which nobody has validated yet. `action`: for ReEncrypt, kms:ReEncryptFrom and
    kms:ReEncryptTo have a context each."""
    found: Keys = {}
    for member, key in _OF_MEMBERS.items():
        value = req.get(member)
        if value is not None and not (member == "KeySpec" and action != "kms:CreateKey"):
            found[key] = (_text(value),)
    if action == "kms:ReEncryptFrom" and "SourceEncryptionAlgorithm" in req:
        found["kms:encryptionalgorithm"] = (req["SourceEncryptionAlgorithm"],)
    found |= of_context(req.get(_CONTEXTS.get(action, "EncryptionContext")) or {})
    found |= _of_grant(req)
    if req.get("Tags"):
        tags = {tag.get("TagKey", ""): tag.get("TagValue", "") for tag in req["Tags"]}
        found["aws:tagkeys"] = tuple(tags)
        found |= {f"aws:requesttag/{name.lower()}": (text,) for name, text in tags.items()}
    elif req.get("TagKeys"):
        found["aws:tagkeys"] = tuple(req["TagKeys"])
    return found


def of_context(context: Mapping[str, str]) -> Keys:
    if not context:
        return {}
    pairs: Keys = {
        f"kms:encryptioncontext:{name.lower()}": (text,) for name, text in context.items()
    }
    return {**pairs, "kms:encryptioncontextkeys": tuple(context)}


def _of_grant(req: Mapping[str, Any]) -> Keys:
    found: Keys = {}
    if req.get("Operations"):
        found["kms:grantoperations"] = tuple(req["Operations"])
    kinds = tuple(
        kind
        for kind in ("EncryptionContextEquals", "EncryptionContextSubset")
        if kind in (req.get("Constraints") or {})
    )
    return {**found, "kms:grantconstrainttype": kinds} if kinds else found


def of_key(key: Key, aliases: Iterable[str], alias: str) -> Keys:
    """What the key tells. `aliases`: all of its own; `alias`: the one by which the request names it, or ""."""
    found: Keys = {
        "kms:keyspec": (key.spec,),
        "kms:keyusage": (key.usage,),
        "kms:keyorigin": (key.origin,),
        "kms:multiregion": (_text(key.multi_region),),
        "kms:resourcealiases": tuple(aliases),
    }
    if alias:
        found["kms:requestalias"] = (alias,)
    found |= {f"aws:resourcetag/{name.lower()}": (text,) for name, text in key.tags.items()}
    return {name: values for name, values in found.items() if values}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
