"""SAML identity providers: create, get, list, replace the metadata, delete, tags.

Nobody can assume a role through one yet; what belongs to encrypted assertions (AssertionEncryptionMode, private keys)
is refused by name.
"""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, pages, records, rules
from pilvi.services.iam.providers.saml import (
    SAML_PROVIDERS,
    SamlProvider,
    arn_of,
    get_saml_provider,
    valid_until_ms,
)
from pilvi.services.iam.records import home_of
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    CreateSAMLProviderRequest,
    CreateSAMLProviderResponse,
    DeleteSAMLProviderRequest,
    GetSAMLProviderRequest,
    GetSAMLProviderResponse,
    ListSAMLProvidersRequest,
    ListSAMLProvidersResponse,
    ListSAMLProviderTagsRequest,
    ListSAMLProviderTagsResponse,
    TagSAMLProviderRequest,
    UntagSAMLProviderRequest,
    UpdateSAMLProviderRequest,
    UpdateSAMLProviderResponse,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("CreateSAMLProvider")
def create_saml_provider(
    call: Call, tx: Transaction, req: CreateSAMLProviderRequest
) -> CreateSAMLProviderResponse:
    """Keep a provider with its metadata.

    Raises: InvalidInput (metadata, tags), EntityAlreadyExists, LimitExceeded.
    AWS: CreateSAMLProvider.
    """
    name, home = req["Name"], home_of(call.scope)
    if SAML_PROVIDERS.find(tx, home, name.lower()) is not None:
        raise errors.EntityAlreadyExists(detail=f"Provider with name {name} already exists.")
    records.check_room(tx, call.scope, SAML_PROVIDERS, "SAMLProvidersPerAccount")
    provider = SamlProvider(
        name=name,
        id="SAML" + call.entropy.upper(18),
        metadata=req["SAMLMetadataDocument"],
        valid_until_ms=valid_until_ms(req["SAMLMetadataDocument"]),
        created_at_ms=call.now_ms,
        tags=rules.tags_of(req.get("Tags")),
    )
    SAML_PROVIDERS.put(tx, home, provider)
    told: CreateSAMLProviderResponse = {"SAMLProviderArn": arn_of(call.scope, provider)}
    if provider.tags:
        told["Tags"] = rules.wire_tags(provider.tags)
    return told


@iam.read("GetSAMLProvider")
def get_saml(call: Call, at: Snapshot, req: GetSAMLProviderRequest) -> GetSAMLProviderResponse:
    """Raises: NoSuchEntity."""
    provider = get_saml_provider(at, call.scope, req["SAMLProviderArn"])
    return {
        "SAMLProviderUUID": provider.id,
        "SAMLMetadataDocument": provider.metadata,
        "CreateDate": provider.created_at_ms,
        "ValidUntil": _valid_until(provider),
        "Tags": rules.wire_tags(provider.tags),
    }


@iam.read("ListSAMLProviders")
def list_saml_providers(
    call: Call, at: Snapshot, req: ListSAMLProvidersRequest
) -> ListSAMLProvidersResponse:
    """All of them, for the quota keeps them few."""
    return {
        "SAMLProviderList": [
            {
                "Arn": arn_of(call.scope, provider),
                "ValidUntil": _valid_until(provider),
                "CreateDate": provider.created_at_ms,
            }
            for provider in SAML_PROVIDERS.scan(at, home_of(call.scope))
        ]
    }


@iam.write("UpdateSAMLProvider")
def update_saml_provider(
    call: Call, tx: Transaction, req: UpdateSAMLProviderRequest
) -> UpdateSAMLProviderResponse:
    """Replace the metadata. Raises: NoSuchEntity, InvalidInput."""
    provider = get_saml_provider(tx, call.scope, req["SAMLProviderArn"])
    if "SAMLMetadataDocument" in req:
        provider.valid_until_ms = valid_until_ms(req["SAMLMetadataDocument"])
        provider.metadata = req["SAMLMetadataDocument"]
    SAML_PROVIDERS.put(tx, home_of(call.scope), provider)
    return {"SAMLProviderArn": req["SAMLProviderArn"]}


@iam.write("DeleteSAMLProvider")
def delete_saml_provider(call: Call, tx: Transaction, req: DeleteSAMLProviderRequest) -> None:
    """Roles that name it are left as they are. Raises: NoSuchEntity."""
    provider = get_saml_provider(tx, call.scope, req["SAMLProviderArn"])
    SAML_PROVIDERS.delete(tx, home_of(call.scope), provider.name.lower())


@iam.write("TagSAMLProvider")
def tag_saml_provider(call: Call, tx: Transaction, req: TagSAMLProviderRequest) -> None:
    """Raises: NoSuchEntity, InvalidInput, LimitExceeded."""
    provider = get_saml_provider(tx, call.scope, req["SAMLProviderArn"])
    provider.tags = rules.merge_tags(provider.tags, rules.tags_of(req["Tags"]))
    SAML_PROVIDERS.put(tx, home_of(call.scope), provider)


@iam.write("UntagSAMLProvider")
def untag_saml_provider(call: Call, tx: Transaction, req: UntagSAMLProviderRequest) -> None:
    """Raises: NoSuchEntity."""
    provider = get_saml_provider(tx, call.scope, req["SAMLProviderArn"])
    provider.tags = rules.without_tags(provider.tags, req["TagKeys"])
    SAML_PROVIDERS.put(tx, home_of(call.scope), provider)


@iam.read("ListSAMLProviderTags")
def list_saml_provider_tags(
    call: Call, at: Snapshot, req: ListSAMLProviderTagsRequest
) -> ListSAMLProviderTagsResponse:
    """Raises: NoSuchEntity."""
    tags = get_saml_provider(at, call.scope, req["SAMLProviderArn"]).tags
    page, more = pages.cut_tags(req, tags)
    return {"Tags": page, **more}


def _valid_until(provider: SamlProvider) -> int:
    """A century where the metadata tells no end."""
    if provider.valid_until_ms is not None:
        return provider.valid_until_ms
    return provider.created_at_ms + limits.METADATA_VALID_MS
