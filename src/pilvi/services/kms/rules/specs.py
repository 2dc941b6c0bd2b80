"""Key specs: what a key of each kind is for, and with which algorithms.

AWS: KMS Developer Guide, "Key spec reference".
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.services.kms import errors

SYMMETRIC = "SYMMETRIC_DEFAULT"
ENCRYPT, SIGN, MAC, AGREE = "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"
ENCAPSULATE = "ENCAPSULATE_DECAPSULATE"

_OAEP = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
_RSA_SIGNATURES = (
    *("RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512"),
    *("RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512"),
)


class Spec(msgspec.Struct, frozen=True):
    """`algorithms`: usage -> algorithms; a key has one of these usages. `secret_bytes`: of symmetric and HMAC keys.
    `imported`: whether material for it can be brought along."""

    algorithms: Mapping[str, tuple[str, ...]]
    secret_bytes: int = 0
    imported: bool = True

    @property
    def is_pair(self) -> bool:
        return not self.secret_bytes


def _curve(digest: str, *, agrees: bool = True) -> Spec:
    usages = {SIGN: (f"ECDSA_SHA_{digest}",)}
    return Spec({**usages, AGREE: ("ECDH",)} if agrees else usages)


_LATTICE_SIGNATURES = Spec({SIGN: ("ML_DSA_SHAKE_256",)}, imported=False)
_LATTICE_SECRETS = Spec({ENCAPSULATE: ("ML_KEM",)}, imported=False)
_RSA = Spec({ENCRYPT: _OAEP, SIGN: _RSA_SIGNATURES})

SPECS: Mapping[str, Spec] = {
    SYMMETRIC: Spec({ENCRYPT: (SYMMETRIC,)}, secret_bytes=32),
    "RSA_2048": _RSA,
    "RSA_3072": _RSA,
    "RSA_4096": _RSA,
    "ECC_NIST_P256": _curve("256"),
    "ECC_NIST_P384": _curve("384"),
    "ECC_NIST_P521": _curve("512"),
    "ECC_SECG_P256K1": _curve("256", agrees=False),
    "ECC_NIST_EDWARDS25519": Spec({SIGN: ("ED25519_SHA_512",)}),
    "ML_DSA_44": _LATTICE_SIGNATURES,
    "ML_DSA_65": _LATTICE_SIGNATURES,
    "ML_DSA_87": _LATTICE_SIGNATURES,
    "ML_KEM_768": _LATTICE_SECRETS,
    "ML_KEM_1024": _LATTICE_SECRETS,
    "HMAC_224": Spec({MAC: ("HMAC_SHA_224",)}, secret_bytes=28),
    "HMAC_256": Spec({MAC: ("HMAC_SHA_256",)}, secret_bytes=32),
    "HMAC_384": Spec({MAC: ("HMAC_SHA_384",)}, secret_bytes=48),
    "HMAC_512": Spec({MAC: ("HMAC_SHA_512",)}, secret_bytes=64),
}
"""SM2 and ML_KEM_512 keys are not built, nor is the prehashed ED25519_PH_SHA_512."""

NOT_BUILT = frozenset({"ED25519_PH_SHA_512", "SM2DSA", "SM2PKE"})
"""Algorithms that AWS has and pilvi has not."""

DIGEST_BYTES: Mapping[str, int] = {"256": 32, "384": 48, "512": 64}
"""By the end of a signing algorithm's name."""


def get_spec(name: str) -> Spec:
    """Raises: NotBuilt for a spec that AWS has and pilvi has not."""
    spec = SPECS.get(name)
    if spec is None:
        raise NotBuilt(what=f"the key spec {name}")
    return spec


def usage_for(spec_name: str, usage: str | None) -> str:
    """The usage of a new key. Raises: ValidationException; NotBuilt."""
    spec = get_spec(spec_name)
    if usage is None:
        if spec_name != SYMMETRIC:
            raise errors.ValidationException(
                detail="You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
            )
        return ENCRYPT
    if usage not in spec.algorithms:
        raise errors.ValidationException(
            detail=f"KeyUsage {usage} is not compatible with KeySpec {spec_name}"
        )
    return usage


def check_algorithm(spec_name: str, usage: str, algorithm: str) -> None:
    """Raises: InvalidKeyUsageException; NotBuilt."""
    if algorithm in NOT_BUILT:
        raise NotBuilt(what=f"the algorithm {algorithm}")
    if algorithm not in SPECS[spec_name].algorithms[usage]:
        raise errors.IncompatibleAlgorithm(algorithm=algorithm, spec=spec_name)


def check_message(algorithm: str, kind: str, size: int) -> None:
    """Whether a message of this kind and size may be signed so. Raises: ValidationException."""
    of_lattice, of_edwards = algorithm.startswith("ML_DSA"), algorithm.startswith("ED25519")
    if (kind == "EXTERNAL_MU" and not of_lattice) or (
        kind == "DIGEST" and (of_lattice or of_edwards)
    ):
        raise errors.ValidationException(
            detail=f"MessageType {kind} is not valid for algorithm {algorithm}."
        )
    if kind == "EXTERNAL_MU":
        right = size == _MU_BYTES
    else:
        right = kind == "RAW" or size == DIGEST_BYTES[algorithm.rpartition("_")[2]]
    if not right:
        raise errors.ValidationException(
            detail=f"Digest is invalid length for algorithm {algorithm}."
        )


_MU_BYTES = 64


def algorithms_of(spec_name: str, usage: str) -> dict[str, list[str]]:
    """As DescribeKey and GetPublicKey tell them: under a member for each usage."""
    member = {
        ENCRYPT: "EncryptionAlgorithms",
        SIGN: "SigningAlgorithms",
        MAC: "MacAlgorithms",
        AGREE: "KeyAgreementAlgorithms",
        ENCAPSULATE: "EncapsulationAlgorithms",
    }[usage]
    return {member: list(SPECS[spec_name].algorithms[usage])}
