"""OpenID Connect identity providers, over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from iam.refusals import refused
from pilvi.base.arn import Scope
from pilvi.services.iam import records
from pilvi.services.iam.providers.oidc import OIDC_PROVIDERS, OidcProvider, find_oidc_provider
from pilvi.store.memory import MemoryStore

Make = Callable[..., Any]

GITHUB = "https://token.actions.githubusercontent.com"
THUMBPRINT = "6938fd4d98bab03faadb97b34396831e3780aea1"


@pytest.fixture
def iam(client: Make) -> Any:
    return client("iam")


def test_a_provider_lives_from_creation_to_deletion(iam: Any, account: str) -> None:
    made = iam.create_open_id_connect_provider(
        Url=GITHUB,
        ClientIDList=["sts.amazonaws.com"],
        ThumbprintList=[THUMBPRINT],
        Tags=[{"Key": "k", "Value": "v"}],
    )
    arn = made["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com"
    assert made["Tags"] == [{"Key": "k", "Value": "v"}]
    with refused("EntityAlreadyExists", f"Provider with url {GITHUB} already exists.", 409):
        iam.create_open_id_connect_provider(Url=GITHUB, ThumbprintList=[THUMBPRINT])
    asked = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(**asked, ClientID="other")
    iam.add_client_id_to_open_id_connect_provider(**asked, ClientID="other")
    iam.remove_client_id_from_open_id_connect_provider(**asked, ClientID="sts.amazonaws.com")
    iam.remove_client_id_from_open_id_connect_provider(**asked, ClientID="unknown")
    iam.update_open_id_connect_provider_thumbprint(**asked, ThumbprintList=["0" * 40])
    iam.tag_open_id_connect_provider(**asked, Tags=[{"Key": "K", "Value": "w"}])
    got = iam.get_open_id_connect_provider(**asked)
    assert got["Url"] == GITHUB.removeprefix("https://")
    assert (got["ClientIDList"], got["ThumbprintList"]) == (["other"], ["0" * 40])
    assert got["Tags"] == [{"Key": "K", "Value": "w"}]
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]
    iam.untag_open_id_connect_provider(**asked, TagKeys=["k"])
    assert iam.list_open_id_connect_provider_tags(**asked)["Tags"] == []
    iam.delete_open_id_connect_provider(**asked)
    iam.delete_open_id_connect_provider(**asked)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    with refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404):
        iam.get_open_id_connect_provider(**asked)


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com", "example.com", "https://", "https:///path", "HTTPS://example.com"),
        *("https://example.com?x=1", "https://example.com#x", "https://user@example.com"),
        *("https://example.com:port", "https://exa mple.com", "https://example.com/\u00e4"),
    ],
)
def test_a_provider_needs_a_plain_https_address(iam: Any, url: str) -> None:
    with refused("ValidationError", "Invalid Open ID Connect Provider URL", 400):
        iam.create_open_id_connect_provider(Url=url, ThumbprintList=[THUMBPRINT])
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_thumbprints_and_clients_have_their_bounds(iam: Any) -> None:
    with refused("InvalidInput", "Thumbprint list must contain fewer than 5 entries."):
        iam.create_open_id_connect_provider(Url=GITHUB, ThumbprintList=[THUMBPRINT] * 6)
    with refused("InvalidInput"):
        iam.create_open_id_connect_provider(Url=GITHUB, ThumbprintList=["z" * 40])
    many = [f"client-{number}" for number in range(100)]
    arn = iam.create_open_id_connect_provider(Url=GITHUB, ClientIDList=many)[
        "OpenIDConnectProviderArn"
    ]
    with refused(
        "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", 409
    ):
        iam.add_client_id_to_open_id_connect_provider(
            OpenIDConnectProviderArn=arn, ClientID="one more"
        )
    with refused("InvalidInput", "Thumbprint list must contain at least one entry."):
        iam.update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=arn, ThumbprintList=[]
        )


# The account in the ARN counts: a provider of another account is none of one's own.
def test_an_arn_names_an_account_and_a_kind(iam: Any, account: str, client: Make) -> None:
    arn = iam.create_open_id_connect_provider(Url=GITHUB)["OpenIDConnectProviderArn"]
    other = client("iam", account="999999999999")
    with refused("AccessDenied"):
        other.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with refused("NoSuchEntity"):
        iam.get_open_id_connect_provider(
            OpenIDConnectProviderArn=arn.replace("oidc-provider", "role")
        )
    with refused("ValidationError"):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn="x" * 20)


def test_a_provider_is_found_by_exactly_its_issuer() -> None:
    """Neither without the scheme, nor with another, nor by a beginning, nor in another account."""
    url = "idp.example.com/realms/main"
    provider = OidcProvider(url=url, client_ids=["c"], thumbprints=[], created_at_ms=0)
    scope, store = Scope("000000000001", "us-east-1"), MemoryStore()

    def find(issuer: str, account: str = scope.account) -> OidcProvider | None:
        found = Scope(account, "eu-west-1")
        return asyncio.run(store.read(lambda at: find_oidc_provider(at, found, issuer)))

    asyncio.run(store.write(lambda tx: OIDC_PROVIDERS.put(tx, records.home_of(scope), provider)))
    assert find(f"https://{url}") == provider
    for issuer in ("", url, f"http://{url}", "https://idp.example.com", f"https://{url}/"):
        assert find(issuer) is None
    assert find(f"https://{url}", "000000000002") is None
