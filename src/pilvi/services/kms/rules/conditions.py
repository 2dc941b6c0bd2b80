"""Condition keys of KMS: what a request, and the key it names, tell to policies. Names in lower case.

What a request leaves out and KMS fills in is told as well: a policy that denies RSA keys must not be passed by the
member of an older name, nor one that wants thirty days by saying nothing.
AWS: KMS Developer Guide, "AWS KMS condition keys"; Service Authorization Reference, KMS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pilvi.services.kms import limits
from pilvi.services.kms.records import Key

Keys = dict[str, tuple[str, ...]]

_OF_MEMBERS: Mapping[str, str] = {
    "BypassPolicyLockoutSafetyCheck": "kms:bypasspolicylockoutsafetycheck",
    "EncryptionAlgorithm": "kms:encryptionalgorithm",
    "ExpirationModel": "kms:expirationmodel",
    "GranteePrincipal": "kms:granteeprincipal",
    "KeyAgreementAlgorithm": "kms:keyagreementalgorithm",
    "KeyPairSpec": "kms:datakeypairspec",
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
_SYMMETRIC: Mapping[str, str] = {"kms:encryptionalgorithm": "SYMMETRIC_DEFAULT"}
_NO_BYPASS: Mapping[str, str] = {"kms:bypasspolicylockoutsafetycheck": "false"}
_NOT_FOR_RESOURCE: Mapping[str, str] = {"kms:grantisforawsresource": "false"}
_RAW: Mapping[str, str] = {"kms:messagetype": "RAW"}
_UNSAID: Mapping[str, Mapping[str, str]] = {
    "kms:CreateGrant": _NOT_FOR_RESOURCE,
    "kms:CreateKey": {
        **_NO_BYPASS,
        "kms:keyspec": "SYMMETRIC_DEFAULT",
        "kms:keyusage": "ENCRYPT_DECRYPT",
        "kms:keyorigin": "AWS_KMS",
        "kms:multiregion": "false",
    },
    "kms:Decrypt": _SYMMETRIC,
    "kms:Encrypt": _SYMMETRIC,
    "kms:GenerateDataKey": _SYMMETRIC,
    "kms:GenerateDataKeyPair": _SYMMETRIC,
    "kms:GenerateDataKeyPairWithoutPlaintext": _SYMMETRIC,
    "kms:GenerateDataKeyWithoutPlaintext": _SYMMETRIC,
    "kms:ImportKeyMaterial": {"kms:expirationmodel": "KEY_MATERIAL_EXPIRES"},
    "kms:ListGrants": _NOT_FOR_RESOURCE,
    "kms:PutKeyPolicy": _NO_BYPASS,
    "kms:ReEncryptFrom": _SYMMETRIC,
    "kms:ReEncryptTo": _SYMMETRIC,
    "kms:ReplicateKey": _NO_BYPASS,
    "kms:RevokeGrant": _NOT_FOR_RESOURCE,
    "kms:ScheduleKeyDeletion": {
        "kms:schedulekeydeletionpendingwindowindays": str(limits.PENDING_DAYS)
    },
    "kms:Sign": _RAW,
    "kms:Verify": _RAW,
}
"""What holds where a request does not say otherwise, by action."""

_CONTEXTS: Mapping[str, str] = {
    "kms:ReEncryptFrom": "SourceEncryptionContext",
    "kms:ReEncryptTo": "DestinationEncryptionContext",
}
_ALGORITHMS: Mapping[str, str] = {
    "kms:ReEncryptFrom": "SourceEncryptionAlgorithm",
    "kms:ReEncryptTo": "DestinationEncryptionAlgorithm",
}

KNOWN = (
    frozenset(_OF_MEMBERS.values())
    | {name for unsaid in _UNSAID.values() for name in unsaid}
    | {
        *("kms:calleraccount", "kms:encryptioncontext:*", "kms:encryptioncontextkeys"),
        *("kms:grantoperations", "kms:grantconstrainttype", "kms:multiregionkeytype"),
        *("kms:customermasterkeyspec", "kms:customermasterkeyusage", "kms:validto"),
        *("kms:resourcealiases", "kms:requestalias", "kms:reencryptonsamekey", "kms:viaservice"),
        "kms:recipientattestation:*",  # a Recipient is refused by name
        *("aws:tagkeys", "aws:requesttag/*", "aws:resourcetag/*"),
        *("aws:sourcearn", "aws:sourceaccount", "aws:viaawsservice"),
        *("aws:calledvia", "aws:calledviafirst", "aws:calledvialast"),
    }
)
"""Keys that requests here have, or have not for a reason."""


def of_request(action: str, req: Mapping[str, Any]) -> Keys:
    """What a request tells, which nobody has validated yet. `action`: for ReEncrypt, kms:ReEncryptFrom and
    kms:ReEncryptTo have a context and an algorithm each."""
    unsaid = _UNSAID.get(action)
    found: Keys = {} if unsaid is None else {name: (text,) for name, text in unsaid.items()}
    for member, value in req.items():
        key = _OF_MEMBERS.get(member)
        if key is not None and value is not None:
            found[key] = (_text(value),)
    if action == "kms:CreateKey":
        spec = req.get("KeySpec") or req.get("CustomerMasterKeySpec")
        if spec is not None:
            found["kms:keyspec"] = (_text(spec),)
        found["kms:customermasterkeyspec"] = found["kms:keyspec"]
        found["kms:customermasterkeyusage"] = found["kms:keyusage"]
    algorithm = req.get(_ALGORITHMS.get(action, ""))
    if algorithm is not None:
        found["kms:encryptionalgorithm"] = (_text(algorithm),)
    valid_to_ms = req.get("ValidTo")
    if isinstance(valid_to_ms, int):
        found["kms:validto"] = (_instant(valid_to_ms),)
    context = req.get(_CONTEXTS.get(action, "EncryptionContext"))
    if context:
        found |= of_context(context)
    if action == "kms:CreateGrant":
        found |= _of_grant(req)
    if req.get("Tags"):
        tags = {tag.get("TagKey", ""): tag.get("TagValue", "") for tag in req["Tags"]}
        found["aws:tagkeys"] = tuple(tags)
        found |= {f"aws:requesttag/{name.lower()}": (text,) for name, text in tags.items()}
    elif req.get("TagKeys"):
        found["aws:tagkeys"] = tuple(req["TagKeys"])
    return found


def of_replica(req: Mapping[str, Any]) -> Keys:
    """What a ReplicateKey tells of the key that it makes; its primary key tells the rest of itself."""
    return {**of_request("kms:ReplicateKey", req), "kms:multiregion": ("true",)}


def of_context(context: Mapping[str, str]) -> Keys:
    """Names that differ only in case are one key with several values."""
    pairs: Keys = {}
    for name, text in context.items():
        key = f"kms:encryptioncontext:{name.lower()}"
        pairs[key] = (*pairs.get(key, ()), text)
    return {**pairs, "kms:encryptioncontextkeys": tuple(context)} if pairs else {}


def _of_grant(req: Mapping[str, Any]) -> Keys:
    found: Keys = {}
    if req.get("Operations"):
        found["kms:grantoperations"] = tuple(req["Operations"])
    return found | of_constraints(req.get("Constraints") or {})


def of_constraints(given: Mapping[str, Any]) -> Keys:
    """A grant's: of which kinds they are, and the encryption context that they ask for."""
    kinds = tuple(
        kind
        for kind in ("EncryptionContextEquals", "EncryptionContextSubset", "SourceArn")
        if given.get(kind) is not None
    )
    found: Keys = {"kms:grantconstrainttype": kinds} if kinds else {}
    for kind in ("EncryptionContextSubset", "EncryptionContextEquals"):
        found |= of_context(given.get(kind) or {})
    return found


def of_key(key: Key, aliases: Iterable[str], alias: str, *, primary: bool = True) -> Keys:
    """What the key tells. `aliases`: all of its own; `alias`: the one by which the request names it, or "".
    `primary`: of a multi-Region key, whether it leads."""
    found: Keys = {
        "kms:keyspec": (key.spec,),
        "kms:keyusage": (key.usage,),
        "kms:customermasterkeyspec": (key.spec,),
        "kms:customermasterkeyusage": (key.usage,),
        "kms:keyorigin": (key.origin,),
        "kms:multiregion": (_text(key.multi_region),),
    }
    listed = tuple(aliases)
    if listed:
        found["kms:resourcealiases"] = listed
    if key.multi_region:
        found["kms:multiregionkeytype"] = ("PRIMARY" if primary else "REPLICA",)
    if alias:
        found["kms:requestalias"] = (alias,)
    for name, text in key.tags.items():
        found[f"aws:resourcetag/{name.lower()}"] = (text,)
    return found


def of_asking(account: str, region: str, *, via: str) -> Keys:
    """Who asks, and through whom.

    AWS: "kms:CallerAccount", "kms:ViaService"; IAM User Guide, "aws:CalledVia".
    """
    found: Keys = {"kms:calleraccount": (account,)}
    if via:
        name = f"{via}.amazonaws.com"
        found["kms:viaservice"] = (f"{via}.{region}.amazonaws.com",)
        found["aws:viaawsservice"] = ("true",)
        for key in ("aws:calledvia", "aws:calledviafirst", "aws:calledvialast"):
            found[key] = (name,)
    return found


def of_service(account: str, source_arn: str) -> Keys:
    """For whose resource, and for which, a service asks on its own behalf. AWS: IAM User Guide, "aws:SourceArn"."""
    found: Keys = {"aws:sourceaccount": (account,)}
    return {**found, "aws:sourcearn": (source_arn,)} if source_arn else found


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
