"""SSH keys, certificates and passwords for single services, over the wire."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from iam.refusals import refused
from servers import Server

Make = Callable[..., Any]
UNREADABLE = "Unable to parse certificate. Please ensure the certificate is in PEM format."


class Pair(NamedTuple):
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def key_pem(self, password: bytes | None = None) -> str:
        sealed = (
            serialization.NoEncryption()
            if password is None
            else serialization.BestAvailableEncryption(password)
        )
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed
        ).decode()


def _pair(name: str, issuer: Pair | None = None, *, days: int = 50 * 365) -> Pair:
    """Others move the clock by months."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=200))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key if issuer is None else issuer.key, hashes.SHA256())
    )
    return Pair(key, certificate)


def test_server_certificates_keep_their_keys_to_themselves(client: Make, account: str) -> None:
    iam = client("iam")
    root = _pair("root")
    leaf = _pair("example.org", root)
    made = iam.upload_server_certificate(
        ServerCertificateName="site",
        Path="/cloudfront/",
        CertificateBody=leaf.pem,
        PrivateKey=leaf.key_pem(),
        CertificateChain=root.pem,
        Tags=[{"Key": "k", "Value": "v"}],
    )
    told = made["ServerCertificateMetadata"]
    assert told["Arn"] == f"arn:aws:iam::{account}:server-certificate/cloudfront/site"
    assert told["ServerCertificateId"].startswith("ASCA")
    assert told["Expiration"] == leaf.certificate.not_valid_after_utc
    found = iam.get_server_certificate(ServerCertificateName="SITE")["ServerCertificate"]
    assert found == {
        "ServerCertificateMetadata": told,
        "CertificateBody": leaf.pem,
        "CertificateChain": root.pem,
        "Tags": [{"Key": "k", "Value": "v"}],
    }
    with refused("EntityAlreadyExists", status=409):
        iam.upload_server_certificate(
            ServerCertificateName="Site", CertificateBody=leaf.pem, PrivateKey=leaf.key_pem()
        )
    iam.update_server_certificate(
        ServerCertificateName="site", NewServerCertificateName="page", NewPath="/"
    )
    iam.upload_server_certificate(
        ServerCertificateName="other", CertificateBody=leaf.pem, PrivateKey=leaf.key_pem()
    )
    untagged = iam.get_server_certificate(ServerCertificateName="other")["ServerCertificate"]
    assert untagged["Tags"] == []
    with refused("EntityAlreadyExists", status=409):
        iam.update_server_certificate(
            ServerCertificateName="other", NewServerCertificateName="Page"
        )
    iam.delete_server_certificate(ServerCertificateName="other")
    (listed,) = iam.list_server_certificates()["ServerCertificateMetadataList"]
    assert (listed["ServerCertificateName"], listed["Path"]) == ("page", "/")
    assert iam.list_server_certificates(PathPrefix="/c")["ServerCertificateMetadataList"] == []
    iam.tag_server_certificate(ServerCertificateName="page", Tags=[{"Key": "l", "Value": ""}])
    iam.untag_server_certificate(ServerCertificateName="page", TagKeys=["k"])
    tags = iam.list_server_certificate_tags(ServerCertificateName="page")["Tags"]
    assert tags == [{"Key": "l", "Value": ""}]
    iam.delete_server_certificate(ServerCertificateName="page")
    with refused("NoSuchEntity", "The Server Certificate with name page cannot be found.", 404):
        iam.get_server_certificate(ServerCertificateName="page")


def test_what_does_not_fit_together_is_refused(client: Make) -> None:
    iam = client("iam")
    root, other = _pair("root"), _pair("other")
    leaf = _pair("example.org", root)

    def upload(body: str, key: str, **more: str) -> None:
        iam.upload_server_certificate(
            ServerCertificateName="site", CertificateBody=body, PrivateKey=key, **more
        )

    with refused("KeyPairMismatch", status=400):
        upload(leaf.pem, other.key_pem())
    for body in ("nonsense", leaf.pem + root.pem, leaf.key_pem(), leaf.pem.replace("M", "!", 9)):
        with refused("MalformedCertificate", UNREADABLE, 400):
            upload(body, leaf.key_pem())
    with refused("MalformedCertificate", "Private Key was in an unrecognized format."):
        upload(leaf.pem, leaf.pem)
    encrypted = "Unable to parse key; the private key was encrypted."
    with refused("MalformedCertificate", encrypted):
        upload(leaf.pem, leaf.key_pem(b"password"))
    with refused("MalformedCertificate"):
        upload(leaf.pem, leaf.key_pem(), CertificateChain=other.pem)
    with refused("MalformedCertificate"):
        upload(leaf.pem, leaf.key_pem(), CertificateChain="none")
    old = _pair("old", days=-1)
    with refused("MalformedCertificate"):
        upload(old.pem, old.key_pem())
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []


# A private key and a device's seed are nowhere in the data directory in clear.
def test_what_is_secret_is_sealed(own_server: Callable[..., Server]) -> None:
    server = own_server()
    pair = _pair("example.org")
    iam = server.client("iam", "1" * 12)
    iam.upload_server_certificate(
        ServerCertificateName="site", CertificateBody=pair.pem, PrivateKey=pair.key_pem()
    )
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    seed = device["Base32StringSeed"]
    assert server.stop() == 0
    key = pair.key_pem().splitlines()[1][:40].encode()
    public = pair.pem.splitlines()[1][:40].encode()
    kept = [file.read_bytes() for file in server.data.rglob("*") if file.is_file()]
    assert any(public in data for data in kept)
    for secret in (key, seed, base64.b32decode(seed)):
        assert not any(secret in data for data in kept)


def test_signing_certificates_are_two_and_unique(client: Make) -> None:
    iam = client("iam")
    for name in ("ann", "bob"):
        iam.create_user(UserName=name)
    one, two, three = (_pair(name) for name in ("one", "two", "three"))
    made = iam.upload_signing_certificate(UserName="ann", CertificateBody=one.pem)["Certificate"]
    assert (made["UserName"], made["Status"], made["CertificateBody"]) == ("ann", "Active", one.pem)
    with refused("DuplicateCertificate", status=409):
        iam.upload_signing_certificate(UserName="bob", CertificateBody=one.pem.strip())
    with refused("MalformedCertificate"):
        iam.upload_signing_certificate(UserName="ann", CertificateBody="none")
    with refused("InvalidCertificate"):
        iam.upload_signing_certificate(UserName="ann", CertificateBody=_pair("o", days=-1).pem)
    iam.upload_signing_certificate(UserName="ann", CertificateBody=two.pem)
    with refused("LimitExceeded", "Cannot exceed quota for CertificatesPerUser: 2", 409):
        iam.upload_signing_certificate(UserName="ann", CertificateBody=three.pem)
    mine = made["CertificateId"]
    iam.update_signing_certificate(UserName="ann", CertificateId=mine, Status="Inactive")
    listed = iam.list_signing_certificates(UserName="ann")["Certificates"]
    assert {c["CertificateId"]: c["Status"] for c in listed}[mine] == "Inactive"
    with refused("NoSuchEntity", f"The Certificate with id {mine} cannot be found.", 404):
        iam.delete_signing_certificate(UserName="bob", CertificateId=mine)
    with refused("DeleteConflict", "Cannot delete entity, must delete certificates first.", 409):
        iam.delete_user(UserName="ann")
    for certificate in listed:
        iam.delete_signing_certificate(UserName="ann", CertificateId=certificate["CertificateId"])
    iam.delete_user(UserName="ann")


def _ssh(bits: int = 2048) -> tuple[str, str]:
    key = rsa.generate_private_key(65537, bits).public_key()
    ssh = key.public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    ).decode()
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    return ssh, pem


def test_ssh_keys_in_both_encodings(client: Make) -> None:
    iam = client("iam")
    iam.create_user(UserName="ann")
    ssh, pem = _ssh()
    made = iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody=f"{ssh} ann@home")
    key = made["SSHPublicKey"]
    assert key["SSHPublicKeyBody"] == f"{ssh} ann@home"
    assert len(key["Fingerprint"].split(":")) == 16
    mine = {"UserName": "ann", "SSHPublicKeyId": key["SSHPublicKeyId"]}
    for encoding, body in (("SSH", ssh), ("PEM", pem)):
        told = iam.get_ssh_public_key(**mine, Encoding=encoding)["SSHPublicKey"]
        assert told["SSHPublicKeyBody"] == body
    with refused("DuplicateSSHPublicKey", status=400):
        iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody=pem)
    iam.update_ssh_public_key(**mine, Status="Inactive")
    (listed,) = iam.list_ssh_public_keys(UserName="ann")["SSHPublicKeys"]
    assert (listed["SSHPublicKeyId"], listed["Status"]) == (key["SSHPublicKeyId"], "Inactive")
    first = "Cannot delete entity, must remove referenced objects first."
    with refused("DeleteConflict", first, 409):
        iam.delete_user(UserName="ann")
    iam.delete_ssh_public_key(**mine)
    with refused("NoSuchEntity", status=404):
        iam.get_ssh_public_key(**mine, Encoding="SSH")
    iam.delete_user(UserName="ann")


def test_keys_that_are_none(client: Make) -> None:
    iam = client("iam")
    iam.create_user(UserName="ann")
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    ecdsa = curve.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    for body in (_ssh(1024)[0], ecdsa, "ssh-rsa AAAA", "ssh-rsa"):
        with refused("InvalidPublicKey", status=400):
            iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody=body)
    with refused("UnrecognizedPublicKeyEncoding", status=400):
        iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody="hello")


# As recorded from AWS, for both services.
@pytest.mark.parametrize("service", ["codecommit.amazonaws.com", "cassandra.amazonaws.com"])
def test_service_specific_credentials(client: Make, account: str, service: str) -> None:
    iam = client("iam")
    iam.create_user(UserName="ann")
    made = iam.create_service_specific_credential(UserName="ann", ServiceName=service)
    credential = made["ServiceSpecificCredential"]
    password = credential.pop("ServicePassword")
    assert len(password) == 44
    assert (credential["ServiceUserName"], credential["Status"], credential["ServiceName"]) == (
        f"ann-at-{account}",
        "Active",
        service,
    )
    listed = iam.list_service_specific_credentials(UserName="ann")
    assert listed["ServiceSpecificCredentials"] == [credential]
    assert "IsTruncated" not in listed
    mine = {
        "UserName": "ann",
        "ServiceSpecificCredentialId": credential["ServiceSpecificCredentialId"],
    }
    iam.update_service_specific_credential(**mine, Status="Inactive")
    again = iam.reset_service_specific_credential(**mine)["ServiceSpecificCredential"]
    assert again["Status"] == "Inactive"
    assert again["ServicePassword"] != password
    second = iam.create_service_specific_credential(UserName="ann", ServiceName=service)
    name = second["ServiceSpecificCredential"]["ServiceUserName"]
    assert name == f"ann+1-at-{account}"
    with refused("LimitExceeded", status=409):
        iam.create_service_specific_credential(UserName="ann", ServiceName=service)
    first = "Cannot delete entity, must remove referenced objects first."
    with refused("DeleteConflict", first, 409):
        iam.delete_user(UserName="ann")
    iam.delete_service_specific_credential(**mine)
    with refused(
        "NoSuchEntity", f"No such credential {mine['ServiceSpecificCredentialId']} exists"
    ):
        iam.delete_service_specific_credential(**mine)


def test_service_specific_credentials_that_are_refused(client: Make) -> None:
    iam = client("iam")
    with refused("NoSuchEntity", "The user with name none cannot be found.", 404):
        iam.create_service_specific_credential(UserName="none", ServiceName="none")
    iam.create_user(UserName="ann")
    for service in ("o3on3n3onosneo", "lambda.amazonaws.com"):
        unknown = f"No such service {service} is supported for Service Specific Credentials"
        for act in (
            iam.create_service_specific_credential,
            iam.list_service_specific_credentials,
        ):
            with refused("NoSuchEntity", unknown, 404):
                act(UserName="ann", ServiceName=service)
    made = iam.create_service_specific_credential(
        UserName="ann", ServiceName="codecommit.amazonaws.com"
    )["ServiceSpecificCredential"]
    other = iam.list_service_specific_credentials(
        UserName="ann", ServiceName="cassandra.amazonaws.com"
    )
    assert other["ServiceSpecificCredentials"] == []
    iam.create_user(UserName="bob")
    with refused("NoSuchEntity", status=404):
        iam.reset_service_specific_credential(
            UserName="bob", ServiceSpecificCredentialId=made["ServiceSpecificCredentialId"]
        )
    enum = (
        "1 validation error detected: Value at 'status' failed to satisfy constraint:"
        " Member must satisfy enum value set"
    )
    with refused("ValidationError", enum, 400):
        iam.update_service_specific_credential(
            UserName="ann",
            ServiceSpecificCredentialId=made["ServiceSpecificCredentialId"],
            Status="Invalid",
        )
    pattern = (
        "1 validation error detected: Value at 'serviceSpecificCredentialId' failed to satisfy"
        r" constraint: Member must satisfy regular expression pattern: [\w]+"
    )
    with refused("ValidationError", pattern, 400):
        iam.reset_service_specific_credential(
            UserName="ann", ServiceSpecificCredentialId="totally-wrong-credential-id-with-hyphens"
        )
    with refused("NotImplemented"):
        iam.create_service_specific_credential(UserName="ann", ServiceName="bedrock.amazonaws.com")
    with refused("NotImplemented"):
        iam.list_service_specific_credentials(AllUsers=True, UserName="ann")
