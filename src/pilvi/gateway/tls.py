"""A self-signed certificate for `--tls`, kept in the data directory until it ends or the names change."""

from __future__ import annotations

import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pilvi.base.clock import Clock

if TYPE_CHECKING:
    from cryptography import x509

_VALID_DAYS = 825  # the longest that browsers accept
_RENEWED_DAYS = 30  # before the end


def server_context(directory: Path, names: list[str]) -> ssl.SSLContext:
    """A TLS context with the certificate `directory/cert.pem`, made for `names` when none for them is there.

    Clients trust it with `AWS_CA_BUNDLE=<data>/tls/cert.pem` (`pilvi env` prints it).
    """
    certificate, key = directory / "cert.pem", directory / "key.pem"
    if not (key.exists() and certificate.exists() and _serves(certificate, names)):
        _make(directory, certificate, key, names)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _serves(certificate: Path, names: list[str]) -> bool:
    """Whether a certificate is for all of `names`, and for a while yet."""
    from cryptography import x509

    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    soon = datetime.fromtimestamp(Clock().machine_ms() / 1000, UTC) + timedelta(days=_RENEWED_DAYS)
    there = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return made.not_valid_after_utc > soon and {_name(name) for name in names} <= set(there)


def _make(directory: Path, certificate: Path, key: Path, names: list[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pilvi")])
    begins = datetime.fromtimestamp(Clock().machine_ms() / 1000, UTC) - timedelta(days=1)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([_name(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False
        )
        .sign(private, hashes.SHA256())
    )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    private_bytes = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(key, private_bytes)
    _write(certificate, built.public_bytes(serialization.Encoding.PEM))


def _usage() -> x509.KeyUsage:
    """It signs itself, and connections: strict clients (Python 3.13) look for both."""
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing; only its owner may read it."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def _name(text: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
