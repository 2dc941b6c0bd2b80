"""Checksums against published values, in one piece and in many."""

from __future__ import annotations

import base64

import pytest

from pilvi import protocol
from pilvi.base.errors import NotBuilt
from pilvi.protocol import checksums

CHECK = b"123456789"
"""The input for which catalogues of CRCs publish a `check` value."""


@pytest.mark.parametrize(
    ("algorithm", "hexadecimal"),
    [
        ("CRC32", "cbf43926"),
        ("CRC32C", "e3069283"),
        ("CRC64NVME", "ae8b14860a799888"),
        ("MD5", "25f9e794323b453885f5181f1b624d0b"),
        ("SHA1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ("SHA256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        ("XXHASH64", "8cb841db40e6ae83"),
    ],
)
def test_published_values(algorithm: str, hexadecimal: str) -> None:
    assert base64.b64decode(checksums.checksum(algorithm, CHECK)).hex() == hexadecimal


@pytest.mark.parametrize("algorithm", checksums.ALGORITHMS)
def test_pieces_do_not_matter(algorithm: str) -> None:
    running = checksums.hasher(algorithm)
    for byte in CHECK:
        running.update(bytes([byte]))
    assert checksums.base64_digest(running) == checksums.checksum(algorithm, CHECK)


def test_every_algorithm_that_s3s_model_names_is_there() -> None:
    names = protocol.service_model("s3").definition("ChecksumAlgorithm")["enum"]
    assert set(names) <= set(checksums.ALGORITHMS)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_crcs_of_parts_give_the_crc_of_the_whole(algorithm: str) -> None:
    first, second = CHECK[:4], CHECK[4:]
    parts = [base64.b64decode(checksums.checksum(algorithm, part)) for part in (first, second)]
    joined = checksums.combine_crc(algorithm, parts[0], parts[1], len(second))
    assert base64.b64encode(joined).decode() == checksums.checksum(algorithm, CHECK)


def test_unknown_algorithms_are_refused_by_name() -> None:
    with pytest.raises(NotBuilt, match="WHIRLPOOL"):
        checksums.hasher("WHIRLPOOL")
    with pytest.raises(ValueError, match="cannot be combined"):
        checksums.combine_crc("SHA1", b"", b"", 0)


def test_the_model_says_where_checksums_are() -> None:
    codec = protocol.codec("s3")
    rules = codec.checksum("DeleteObjects")
    assert (rules.required, rules.algorithm_member) == (True, "ChecksumAlgorithm")
    assert codec.checksum("GetObject").mode_member == "ChecksumMode"
    assert "CRC64NVME" in codec.checksum("GetObject").response_algorithms
    assert codec.checksum("ListObjects") == checksums.ChecksumRules()
    assert checksums.header_name("CRC64NVME") == "x-amz-checksum-crc64nvme"
