"""Pairs of a private and a public key: RSA, curves, lattices. Private keys are PKCS #8, public ones SPKI, both DER.

Making an RSA key takes a good part of a second: it belongs into a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import (
    ec,
    ed25519,
    mldsa,
    mlkem,
    padding,
    rsa,
)
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from pilvi.services.kms import errors

_RSA_BITS: Mapping[str, int] = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
_CURVES: Mapping[str, Callable[[], ec.EllipticCurve]] = {
    "ECC_NIST_P256": ec.SECP256R1,
    "ECC_NIST_P384": ec.SECP384R1,
    "ECC_NIST_P521": ec.SECP521R1,
    "ECC_SECG_P256K1": ec.SECP256K1,
}
_HASHES: Mapping[str, Callable[[], hashes.HashAlgorithm]] = {
    "1": hashes.SHA1,
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
_EXPONENT = 65537

_LatticeSigner = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
_LatticeVerifier = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
_Opener = mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey
_Wrapper = mlkem.MLKEM768PublicKey | mlkem.MLKEM1024PublicKey

Private = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | _LatticeSigner
    | _Opener
)
_OTHERS: Mapping[str, Callable[[], Private]] = {
    "ECC_NIST_EDWARDS25519": ed25519.Ed25519PrivateKey.generate,
    "ML_DSA_44": mldsa.MLDSA44PrivateKey.generate,
    "ML_DSA_65": mldsa.MLDSA65PrivateKey.generate,
    "ML_DSA_87": mldsa.MLDSA87PrivateKey.generate,
    "ML_KEM_768": mlkem.MLKEM768PrivateKey.generate,
    "ML_KEM_1024": mlkem.MLKEM1024PrivateKey.generate,
}


class Unfit(Exception):
    """Bytes that are no key, or a key of another kind than wanted."""


def generate(spec: str) -> bytes:
    """A new private key."""
    made: Private
    if spec in _RSA_BITS:
        made = rsa.generate_private_key(_EXPONENT, _RSA_BITS[spec])
    elif spec in _OTHERS:
        made = _OTHERS[spec]()
    else:
        made = ec.generate_private_key(_CURVES[spec]())
    return _private_bytes(made)


def public_of(private: bytes) -> bytes:
    public = _load(private).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def accept(private: bytes, spec: str) -> bytes:
    """A private key from outside, verified, in our form. Raises: Unfit."""
    try:
        found = load_der_private_key(private, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Unfit from error
    if isinstance(found, rsa.RSAPrivateKey):
        fits = found.key_size == _RSA_BITS.get(spec) and (
            found.public_key().public_numbers().e == _EXPONENT
        )
    elif isinstance(found, ec.EllipticCurvePrivateKey):
        fits = spec in _CURVES and isinstance(found.curve, type(_CURVES[spec]()))
    elif isinstance(found, ed25519.Ed25519PrivateKey):
        fits = spec == "ECC_NIST_EDWARDS25519"
    else:
        raise Unfit
    if not fits:
        raise Unfit
    return _private_bytes(found)


def _private_bytes(key: Private) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _load(private: bytes) -> Private:
    """Of keys that were made or verified here, so their numbers are not verified again."""
    found = load_der_private_key(private, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(found, Private)
    return found


# --- encryption


def _oaep(algorithm: str) -> padding.OAEP:
    made = _HASHES[algorithm.rpartition("_")[2]]
    return padding.OAEP(padding.MGF1(made()), made(), None)


def plaintext_bytes_max(spec: str, algorithm: str) -> int:
    """RFC 8017, 7.1.1: the modulus without two digests and two bytes."""
    digest = _HASHES[algorithm.rpartition("_")[2]]().digest_size
    return _RSA_BITS[spec] // 8 - 2 * digest - 2


def encrypt(public: bytes, algorithm: str, plaintext: bytes) -> bytes:
    key = load_der_public_key(public)
    assert isinstance(key, rsa.RSAPublicKey)
    return key.encrypt(plaintext, _oaep(algorithm))


def decrypt(private: bytes, algorithm: str, ciphertext: bytes) -> bytes:
    """Raises: InvalidCiphertextException."""
    key = _load(private)
    assert isinstance(key, rsa.RSAPrivateKey)
    try:
        return key.decrypt(ciphertext, _oaep(algorithm))
    except ValueError:
        raise errors.InvalidCiphertextException from None


# --- signatures


def _rsa_padding(algorithm: str, made: hashes.HashAlgorithm) -> padding.PSS | padding.PKCS1v15:
    if "PSS" in algorithm:
        return padding.PSS(padding.MGF1(made), padding.PSS.DIGEST_LENGTH)
    return padding.PKCS1v15()


RAW, HASHED, REPRESENTED = "RAW", "DIGEST", "EXTERNAL_MU"
"""What a message is: itself, its digest of the right length, or (ML-DSA) the 64 bytes that represent it."""


def sign(private: bytes, algorithm: str, message: bytes, kind: str) -> bytes:
    key = _load(private)
    if isinstance(key, _LatticeSigner):
        return key.sign_mu(message) if kind == REPRESENTED else key.sign(message)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    made = _HASHES[algorithm.rpartition("_")[2]]()
    scheme = Prehashed(made) if kind == HASHED else made
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, _rsa_padding(algorithm, made), scheme)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.sign(message, ec.ECDSA(scheme))


def verify(public: bytes, algorithm: str, message: bytes, signature: bytes, kind: str) -> bool:
    key = load_der_public_key(public)
    try:
        if isinstance(key, _LatticeVerifier):
            (key.verify_mu if kind == REPRESENTED else key.verify)(signature, message)
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            _verify_hashed(key, algorithm, message, signature, kind)
    except InvalidSignature:
        return False
    return True


def _verify_hashed(
    key: object, algorithm: str, message: bytes, signature: bytes, kind: str
) -> None:
    """Raises: InvalidSignature."""
    made = _HASHES[algorithm.rpartition("_")[2]]()
    scheme = Prehashed(made) if kind == HASHED else made
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, _rsa_padding(algorithm, made), scheme)
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, message, ec.ECDSA(scheme))


# --- shared secrets


def encapsulate(public: bytes) -> tuple[bytes, bytes]:
    """A new shared secret, and the form in which it goes to whoever has the private key."""
    key = load_der_public_key(public)
    assert isinstance(key, _Wrapper)
    return key.encapsulate()


def decapsulate(private: bytes, wrapped: bytes) -> bytes:
    """Of what was changed on the way, or made for another key, other bytes that look as random: FIPS 203 tells nobody.

    Raises: InvalidCiphertextException for a wrong length.
    """
    key = _load(private)
    assert isinstance(key, _Opener)
    try:
        return key.decapsulate(wrapped)
    except ValueError:
        raise errors.InvalidCiphertextException from None


def agree(private: bytes, peer: bytes) -> bytes:
    """The shared secret of ECDH. Raises: Unfit for a peer that is no public key on the same curve."""
    key = _load(private)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    try:
        other = load_der_public_key(peer)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unfit from error
    if not isinstance(other, ec.EllipticCurvePublicKey) or other.curve.name != key.curve.name:
        raise Unfit
    return key.exchange(ec.ECDH(), other)
