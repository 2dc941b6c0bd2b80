"""Certificates, private keys and SSH keys as texts: what they are, whether they are well formed and fit together.

Pure functions; nothing is stored. No text that may be a private key is ever part of an error.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_public_key,
)

from pilvi.services.iam import errors

_CHAIN_MAX = 100
_SSH_BITS_MIN = 2048


class Parsed(NamedTuple):
    """`fingerprint`: SHA-256 of the certificate itself, whatever its text looked like."""

    fingerprint: bytes
    not_before_ms: int
    not_after_ms: int


def parse(text: str) -> Parsed:
    """Raises: MalformedCertificate."""
    certificate = _load(text)
    return Parsed(
        hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest(),
        int(certificate.not_valid_before_utc.timestamp() * 1000),
        int(certificate.not_valid_after_utc.timestamp() * 1000),
    )


def _load(text: str) -> x509.Certificate:
    """Raises: MalformedCertificate, also for a text of more than one certificate."""
    try:
        found = x509.load_pem_x509_certificates(text.encode())
        for certificate in found:
            certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        found = []
    if len(found) != 1:
        raise errors.MalformedCertificate(
            detail="Unable to parse certificate. Please ensure the certificate is in PEM format."
        )
    return found[0]


def check_pair(certificate: str, private_key: str, chain: str | None) -> None:
    """Whether the private key is the certificate's, and each certificate of the chain signed the one before it.

    Raises: MalformedCertificate, KeyPairMismatch.
    """
    leaf = _load(certificate)
    try:
        key = load_pem_private_key(private_key.encode(), None)
    except TypeError:
        raise errors.MalformedCertificate(
            detail="Unable to parse key; the private key was encrypted."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise errors.MalformedCertificate(
            detail="Private Key was in an unrecognized format."
        ) from None
    if _spki(key.public_key()) != _spki(leaf.public_key()):
        raise errors.KeyPairMismatch
    if chain is not None:
        _check_chain(leaf, chain)


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_chain(leaf: x509.Certificate, chain: str) -> None:
    try:
        links = x509.load_pem_x509_certificates(chain.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise errors.MalformedCertificate(
            detail="Unable to parse certificate chain. Please ensure the chain is in PEM format."
        ) from None
    below = leaf
    for index, link in enumerate(links):
        try:
            below.verify_directly_issued_by(link)
            signed = index < _CHAIN_MAX
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            signed = False
        if not signed:
            raise errors.MalformedCertificate(
                detail="Unable to validate certificate chain. The certificate chain must start with the"
                " immediate signing certificate, followed by any intermediaries in order. The index within"
                f" the chain of the invalid certificate is: {index}"
            )
        below = link


# --- SSH keys


class SshKey(NamedTuple):
    """An RSA key in both of its encodings. `fingerprint`: MD5 of its bytes, as ssh-keygen tells it."""

    ssh: str
    pem: str
    fingerprint: str


def parse_ssh(text: str) -> SshKey:
    """Raises: InvalidPublicKey (no RSA key of 2048 bits), UnrecognizedPublicKeyEncoding."""
    body = text.strip()
    try:
        if body.startswith("ssh-"):
            key = load_ssh_public_key(body.encode())
        elif body.startswith("-----BEGIN "):
            key = load_pem_public_key(body.encode())
        else:
            raise errors.UnrecognizedPublicKeyEncoding
    except (ValueError, UnsupportedAlgorithm, binascii.Error):
        raise errors.InvalidPublicKey from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _SSH_BITS_MIN:
        raise errors.InvalidPublicKey
    ssh = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    digest = hashlib.md5(base64.b64decode(ssh.split()[1]), usedforsecurity=False).hexdigest()
    return SshKey(ssh, pem, ":".join(digest[i : i + 2] for i in range(0, 32, 2)))
