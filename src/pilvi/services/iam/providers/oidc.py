"""What IAM stores of OpenID Connect identity providers, and finding one by what a token says of its issuer.

A provider is known by its URL as it was given, without `https://`: a closing slash or another case makes another
provider, as on AWS. Home: the account (`records.home_of`).
"""

from __future__ import annotations

import msgspec

from pilvi.base.arn import Arn, Scope
from pilvi.services.iam import errors, rules
from pilvi.services.iam.records import home_of
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection

SCHEME = "https://"
_KIND = "oidc-provider/"


class OidcProvider(msgspec.Struct, kw_only=True):
    """`url` without `https://`. `thumbprints`: SHA-1 of certificates, 40 hexadecimal digits each."""

    url: str
    client_ids: list[str]
    thumbprints: list[str]
    created_at_ms: int
    tags: dict[str, str] = {}


OIDC_PROVIDERS = Collection("iam.oidc_provider", OidcProvider, key=lambda provider: (provider.url,))


def arn_of(scope: Scope, provider: OidcProvider) -> str:
    return str(Arn("iam", "", scope.account, f"{_KIND}{provider.url}", scope.partition))


def find_oidc_provider(at: Snapshot, scope: Scope, issuer_url: str) -> OidcProvider | None:
    """The account's provider for the `iss` of a token, `https://` and all; None also for an issuer without it."""
    if not issuer_url.startswith(SCHEME):
        return None
    return OIDC_PROVIDERS.find(at, home_of(scope), issuer_url.removeprefix(SCHEME))


def find_by_arn(at: Snapshot, scope: Scope, arn: str) -> OidcProvider | None:
    """Raises: ValidationError (no ARN)."""
    rules.check_arn(arn)
    url = Arn.parse(arn).resource.removeprefix(_KIND)
    provider = OIDC_PROVIDERS.find(at, home_of(scope), url)
    return provider if provider is not None and arn_of(scope, provider) == arn else None


def get_oidc_provider(at: Snapshot, scope: Scope, arn: str) -> OidcProvider:
    """Raises: ValidationError (no ARN), NoSuchEntity."""
    provider = find_by_arn(at, scope, arn)
    if provider is None:
        raise errors.NoSuchEntity(detail=f"OpenIDConnect Provider not found for arn {arn}")
    return provider
