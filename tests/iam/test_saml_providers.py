"""SAML identity providers, over the wire: kept as given, and read without trust in what they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from iam.refusals import refused

Make = Callable[..., Any]

CERTIFICATE = "MIIC" + "A" * 1200
UNREADABLE = "Could not parse metadata"


def metadata(
    *,
    attributes: str = 'entityID="https://idp.example.com"',
    certificate: str = CERTIFICATE,
    descriptor: str = "IDPSSODescriptor",
    head: str = "",
) -> str:
    return (
        f'{head}<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" {attributes}>'
        f'<{descriptor} protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
        '<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">'
        f"<X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo>"
        f"</KeyDescriptor></{descriptor}></EntityDescriptor>"
    )


@pytest.fixture
def iam(client: Make) -> Any:
    return client("iam")


def test_a_provider_lives_from_creation_to_deletion(iam: Any, account: str) -> None:
    dated = metadata(attributes='entityID="x" validUntil="2040-01-02T03:04:05Z"')
    made = iam.create_saml_provider(
        Name="idp", SAMLMetadataDocument=dated, Tags=[{"Key": "k", "Value": "v"}]
    )
    arn = made["SAMLProviderArn"]
    assert arn == f"arn:aws:iam::{account}:saml-provider/idp"
    with refused("EntityAlreadyExists", "Provider with name IDP already exists.", 409):
        iam.create_saml_provider(Name="IDP", SAMLMetadataDocument=dated)
    got = iam.get_saml_provider(SAMLProviderArn=arn)
    assert (got["SAMLMetadataDocument"], got["Tags"]) == (dated, made["Tags"])
    assert got["ValidUntil"].isoformat() == "2040-01-02T03:04:05+00:00"
    (listed,) = iam.list_saml_providers()["SAMLProviderList"]
    assert listed == {key: {**got, "Arn": arn}[key] for key in ("Arn", "ValidUntil", "CreateDate")}
    iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=metadata())
    assert iam.get_saml_provider(SAMLProviderArn=arn)["ValidUntil"].year > 2100
    iam.tag_saml_provider(SAMLProviderArn=arn, Tags=[{"Key": "K", "Value": "w"}])
    assert iam.list_saml_provider_tags(SAMLProviderArn=arn)["Tags"] == [{"Key": "K", "Value": "w"}]
    iam.untag_saml_provider(SAMLProviderArn=arn, TagKeys=["k"])
    assert iam.list_saml_provider_tags(SAMLProviderArn=arn)["Tags"] == []
    iam.delete_saml_provider(SAMLProviderArn=arn)
    for call in (iam.get_saml_provider, iam.delete_saml_provider):
        with refused("NoSuchEntity", f"Manifest not found for arn {arn}", 404):
            call(SAMLProviderArn=arn)


ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "document",
    [
        "x" * 1000,
        "<a>" + " " * 1000,
        metadata().replace("EntityDescriptor", "Other"),
        metadata(attributes=""),
        metadata(descriptor="SPSSODescriptor"),
        metadata(certificate="?" * 1200),
        metadata(certificate=" " * 1200),
        metadata(attributes='entityID="x" validUntil="tomorrow"'),
        metadata(head=ENTITY, certificate="&e;" + "A" * 1200),
        metadata(head=BOMB, certificate="&b;" + "A" * 1200),
        metadata(head=ENTITY),
        "<a>" * 2000 + "</a>" * 2000,
    ],
)
def test_what_is_no_metadata_is_refused(iam: Any, document: str) -> None:
    with refused("InvalidInput", UNREADABLE, 400):
        iam.create_saml_provider(Name="idp", SAMLMetadataDocument=document)
    arn = iam.create_saml_provider(Name="good", SAMLMetadataDocument=metadata())["SAMLProviderArn"]
    with refused("InvalidInput", UNREADABLE, 400):
        iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=document)
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == metadata()
    assert len(iam.list_saml_providers()["SAMLProviderList"]) == 1


def test_encrypted_assertions_are_refused_by_name(iam: Any) -> None:
    for more in ({"AssertionEncryptionMode": "Required"}, {"AddPrivateKey": "key"}):
        with refused("NotImplemented"):
            iam.create_saml_provider(Name="idp", SAMLMetadataDocument=metadata(), **more)
    assert iam.list_saml_providers()["SAMLProviderList"] == []


def test_a_provider_belongs_to_its_account(iam: Any, client: Make) -> None:
    arn = iam.create_saml_provider(Name="idp", SAMLMetadataDocument=metadata())["SAMLProviderArn"]
    with refused("AccessDenied"):
        client("iam", account="999999999999").get_saml_provider(SAMLProviderArn=arn)
    with refused("NoSuchEntity"):
        iam.get_saml_provider(SAMLProviderArn=arn.replace("saml-provider", "oidc-provider"))
