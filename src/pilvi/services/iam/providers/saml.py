"""What IAM stores of SAML identity providers, and reading their metadata. Home: the account.

The document comes from outside: it is read without entities, without document types and without the network
(`protocol/xml_reader.py`), and only to tell whether it is metadata of an identity provider, and until when.
AWS: IAM User Guide, "Create a SAML identity provider in IAM"; OASIS: "Metadata for SAML V2.0".
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

import msgspec

from pilvi.base.arn import Arn, Scope
from pilvi.protocol.unreadable import Unreadable
from pilvi.protocol.xml_reader import parse_document
from pilvi.services.iam import errors, rules
from pilvi.services.iam.records import home_of
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection

_KIND = "saml-provider/"
_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_CERTIFICATE = "{http://www.w3.org/2000/09/xmldsig#}X509Certificate"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SamlProvider(msgspec.Struct, kw_only=True):
    """`metadata`: the document as it was given. `valid_until_ms`: as it says, None where it does not."""

    name: str
    id: str
    metadata: str
    valid_until_ms: int | None
    created_at_ms: int
    tags: dict[str, str] = {}


SAML_PROVIDERS = Collection(
    "iam.saml_provider", SamlProvider, key=lambda provider: (provider.name.lower(),)
)


def arn_of(scope: Scope, provider: SamlProvider) -> str:
    return str(Arn("iam", "", scope.account, f"{_KIND}{provider.name}", scope.partition))


def get_saml_provider(at: Snapshot, scope: Scope, arn: str) -> SamlProvider:
    """Raises: ValidationError (no ARN), NoSuchEntity."""
    rules.check_arn(arn)
    name = Arn.parse(arn).resource.removeprefix(_KIND)
    provider = SAML_PROVIDERS.find(at, home_of(scope), name.lower())
    if provider is None or arn_of(scope, provider) != arn:
        raise errors.NoSuchEntity(detail=f"Manifest not found for arn {arn}")
    return provider


def valid_until_ms(document: str) -> int | None:
    """Until when the metadata says that it holds. Raises: InvalidInput for what is no provider's metadata."""
    try:
        root = parse_document(document.encode())
    except Unreadable:
        raise _unreadable() from None
    described = (
        root.find(f"{_MD}IDPSSODescriptor") if root.tag == f"{_MD}EntityDescriptor" else None
    )
    if described is None or not root.get("entityID"):
        raise _unreadable()
    certificates = [*described.iter(_CERTIFICATE)]
    if not certificates or not all(map(_is_base64, certificates)):
        raise _unreadable()
    told = root.get("validUntil")
    return None if told is None else _instant_ms(told)


def _is_base64(element: Any) -> bool:
    try:
        return bool(base64.b64decode("".join((element.text or "").split()), validate=True))
    except (binascii.Error, ValueError):
        return False


def _instant_ms(text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _unreadable() from None
    zoned = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    return int((zoned - _EPOCH).total_seconds() * 1000)


def _unreadable() -> errors.InvalidInput:
    return errors.InvalidInput(detail="Could not parse metadata")
