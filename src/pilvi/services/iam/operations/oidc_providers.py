"""OpenID Connect identity providers: create, get, list, delete, their clients, thumbprints and tags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, pages, records, rules
from pilvi.services.iam.providers.oidc import (
    OIDC_PROVIDERS,
    SCHEME,
    OidcProvider,
    arn_of,
    find_by_arn,
    get_oidc_provider,
)
from pilvi.services.iam.records import home_of
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    AddClientIDToOpenIDConnectProviderRequest,
    CreateOpenIDConnectProviderRequest,
    CreateOpenIDConnectProviderResponse,
    DeleteOpenIDConnectProviderRequest,
    GetOpenIDConnectProviderRequest,
    GetOpenIDConnectProviderResponse,
    ListOpenIDConnectProvidersRequest,
    ListOpenIDConnectProvidersResponse,
    ListOpenIDConnectProviderTagsRequest,
    ListOpenIDConnectProviderTagsResponse,
    RemoveClientIDFromOpenIDConnectProviderRequest,
    TagOpenIDConnectProviderRequest,
    UntagOpenIDConnectProviderRequest,
    UpdateOpenIDConnectProviderThumbprintRequest,
)
from pilvi.store.api import Snapshot, Transaction

_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()+,;=:@%/-]*")
_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}")


@iam.write("CreateOpenIDConnectProvider")
def create_open_id_connect_provider(
    call: Call, tx: Transaction, req: CreateOpenIDConnectProviderRequest
) -> CreateOpenIDConnectProviderResponse:
    """Trust an issuer of tokens, for its clients that are named.

    Raises: ValidationError (URL), EntityAlreadyExists, InvalidInput (thumbprints, tags), LimitExceeded.
    AWS: CreateOpenIDConnectProvider.
    Differs: without a ThumbprintList none is fetched, and the list stays empty. The URL may have a port.
    """
    url = _checked_url(req["Url"])
    home = home_of(call.scope)
    if OIDC_PROVIDERS.find(tx, home, url) is not None:
        raise errors.EntityAlreadyExists(detail=f"Provider with url {req['Url']} already exists.")
    records.check_room(tx, call.scope, OIDC_PROVIDERS, "OpenIdConnectProvidersPerAccount")
    client_ids = list(dict.fromkeys(req.get("ClientIDList", ())))
    _check_client_count(client_ids)
    thumbprints = req.get("ThumbprintList", [])
    _check_thumbprints(thumbprints)
    provider = OidcProvider(
        url=url,
        client_ids=client_ids,
        thumbprints=list(dict.fromkeys(thumbprints)),
        created_at_ms=call.now_ms,
        tags=rules.tags_of(req.get("Tags")),
    )
    OIDC_PROVIDERS.put(tx, home, provider)
    told: CreateOpenIDConnectProviderResponse = {
        "OpenIDConnectProviderArn": arn_of(call.scope, provider)
    }
    if provider.tags:
        told["Tags"] = rules.wire_tags(provider.tags)
    return told


@iam.read("GetOpenIDConnectProvider")
def get_open_id_connect_provider(
    call: Call, at: Snapshot, req: GetOpenIDConnectProviderRequest
) -> GetOpenIDConnectProviderResponse:
    """The URL is told without `https://`, as on AWS. Raises: NoSuchEntity."""
    provider = get_oidc_provider(at, call.scope, req["OpenIDConnectProviderArn"])
    return {
        "Url": provider.url,
        "ClientIDList": provider.client_ids,
        "ThumbprintList": provider.thumbprints,
        "CreateDate": provider.created_at_ms,
        "Tags": rules.wire_tags(provider.tags),
    }


@iam.read("ListOpenIDConnectProviders")
def list_open_id_connect_providers(
    call: Call, at: Snapshot, req: ListOpenIDConnectProvidersRequest
) -> ListOpenIDConnectProvidersResponse:
    """All of them, for the quota keeps them few."""
    found = OIDC_PROVIDERS.scan(at, home_of(call.scope))
    return {
        "OpenIDConnectProviderList": [{"Arn": arn_of(call.scope, provider)} for provider in found]
    }


@iam.write("DeleteOpenIDConnectProvider")
def delete_open_id_connect_provider(
    call: Call, tx: Transaction, req: DeleteOpenIDConnectProviderRequest
) -> None:
    """Roles that name it are left as they are; nobody can assume them through it any more.

    Deleting one that is not there is no error. Raises: ValidationError (no ARN).
    """
    provider = find_by_arn(tx, call.scope, req["OpenIDConnectProviderArn"])
    if provider is not None:
        OIDC_PROVIDERS.delete(tx, home_of(call.scope), provider.url)


@iam.write("AddClientIDToOpenIDConnectProvider")
def add_client_id_to_open_id_connect_provider(
    call: Call, tx: Transaction, req: AddClientIDToOpenIDConnectProviderRequest
) -> None:
    """Adding one that is there is no error. Raises: NoSuchEntity, LimitExceeded."""
    provider = get_oidc_provider(tx, call.scope, req["OpenIDConnectProviderArn"])
    if req["ClientID"] not in provider.client_ids:
        provider.client_ids = [*provider.client_ids, req["ClientID"]]
        _check_client_count(provider.client_ids)
    OIDC_PROVIDERS.put(tx, home_of(call.scope), provider)


@iam.write("RemoveClientIDFromOpenIDConnectProvider")
def remove_client_id_from_open_id_connect_provider(
    call: Call, tx: Transaction, req: RemoveClientIDFromOpenIDConnectProviderRequest
) -> None:
    """Removing one that is not there is no error. Raises: NoSuchEntity."""
    provider = get_oidc_provider(tx, call.scope, req["OpenIDConnectProviderArn"])
    provider.client_ids = [kept for kept in provider.client_ids if kept != req["ClientID"]]
    OIDC_PROVIDERS.put(tx, home_of(call.scope), provider)


@iam.write("UpdateOpenIDConnectProviderThumbprint")
def update_open_id_connect_provider_thumbprint(
    call: Call, tx: Transaction, req: UpdateOpenIDConnectProviderThumbprintRequest
) -> None:
    """Replace all thumbprints. Raises: NoSuchEntity, InvalidInput."""
    provider = get_oidc_provider(tx, call.scope, req["OpenIDConnectProviderArn"])
    if not req["ThumbprintList"]:
        raise errors.InvalidInput(detail="Thumbprint list must contain at least one entry.")
    _check_thumbprints(req["ThumbprintList"])
    provider.thumbprints = list(dict.fromkeys(req["ThumbprintList"]))
    OIDC_PROVIDERS.put(tx, home_of(call.scope), provider)


@iam.write("TagOpenIDConnectProvider")
def tag_open_id_connect_provider(
    call: Call, tx: Transaction, req: TagOpenIDConnectProviderRequest
) -> None:
    """Raises: NoSuchEntity, InvalidInput, LimitExceeded."""
    provider = get_oidc_provider(tx, call.scope, req["OpenIDConnectProviderArn"])
    provider.tags = rules.merge_tags(provider.tags, rules.tags_of(req["Tags"]))
    OIDC_PROVIDERS.put(tx, home_of(call.scope), provider)


@iam.write("UntagOpenIDConnectProvider")
def untag_open_id_connect_provider(
    call: Call, tx: Transaction, req: UntagOpenIDConnectProviderRequest
) -> None:
    """Raises: NoSuchEntity."""
    provider = get_oidc_provider(tx, call.scope, req["OpenIDConnectProviderArn"])
    provider.tags = rules.without_tags(provider.tags, req["TagKeys"])
    OIDC_PROVIDERS.put(tx, home_of(call.scope), provider)


@iam.read("ListOpenIDConnectProviderTags")
def list_open_id_connect_provider_tags(
    call: Call, at: Snapshot, req: ListOpenIDConnectProviderTagsRequest
) -> ListOpenIDConnectProviderTagsResponse:
    """Raises: NoSuchEntity."""
    tags = get_oidc_provider(at, call.scope, req["OpenIDConnectProviderArn"]).tags
    page, more = pages.cut_tags(req, tags)
    return {"Tags": page, **more}


def _checked_url(url: str) -> str:
    """Without its scheme. Raises: ValidationError."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 # raises for a number that is none
    except ValueError:
        parts = None
    if (
        parts is None
        or not url.startswith(SCHEME)
        or not _HOST.fullmatch(parts.netloc)
        or not _PATH.fullmatch(parts.path)
        or url != f"{SCHEME}{parts.netloc}{parts.path}"
    ):
        raise errors.ValidationError(detail="Invalid Open ID Connect Provider URL")
    return url.removeprefix(SCHEME)


def _check_client_count(client_ids: Sequence[str]) -> None:
    if len(client_ids) > limits.OIDC_CLIENTS:
        raise errors.LimitExceeded(
            quota="ClientIdsPerOpenIdConnectProvider", limit=limits.OIDC_CLIENTS
        )


def _check_thumbprints(thumbprints: Sequence[str]) -> None:
    """Raises: InvalidInput."""
    if len(thumbprints) > limits.OIDC_THUMBPRINTS:
        raise errors.InvalidInput(detail="Thumbprint list must contain fewer than 5 entries.")
    for thumbprint in thumbprints:
        if not _THUMBPRINT.fullmatch(thumbprint):
            raise errors.InvalidInput(detail=f"{thumbprint} is not a valid thumbprint.")
