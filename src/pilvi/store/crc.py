"""Checksums of bodies, as the store keeps them. The first loads the library, which is a tenth of a server's start."""

from __future__ import annotations


def crc32c(data: bytes, before: int = 0) -> int:
    """`before`: the checksum of what comes before `data`."""
    from awscrt import checksums

    return checksums.crc32c(data, before)


def crc64nvme(data: bytes, before: int = 0) -> int:
    """`before`: the checksum of what comes before `data`."""
    from awscrt import checksums

    return checksums.crc64nvme(data, before)
