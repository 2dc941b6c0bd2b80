"""Completing a multipart upload: which parts it is made of, and whether they are what the request says.

AWS: S3 API Reference, "CompleteMultipartUpload"; User Guide, "Checking object integrity for multipart uploads".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from pilvi.services.s3 import errors, limits
from pilvi.services.s3.records.objects import Checksum
from pilvi.services.s3.records.uploads import Part, Upload
from pilvi.services.s3.rules import checksums, conditions


def chosen_parts(
    upload: Upload, stored: Mapping[int, Part], given: Sequence[Mapping[str, Any]]
) -> list[Part]:
    """The parts that the request names, in its order.

    Raises: InvalidRequest, InvalidPartOrder, InvalidPart, BadDigest, EntityTooSmall, MalformedXML.
    """
    if not given:
        raise errors.InvalidRequest(detail="You must specify at least one part")
    parts: list[Part] = []
    previous = 0
    for one in given:
        number, etag = one.get("PartNumber"), one.get("ETag")
        if number is None or etag is None:
            raise errors.MalformedXML()
        if number <= previous:
            raise errors.InvalidPartOrder(upload.id)
        previous = number
        part = stored.get(number)
        if part is None or conditions.bare(etag) != part.etag:
            raise errors.InvalidPart(upload.id, number, conditions.bare(etag))
        _check_checksums(upload, part, one)
        parts.append(part)
    for part in parts[:-1]:
        if part.size < limits.PART_BYTES_MIN:
            raise errors.EntityTooSmall(
                number=part.number,
                etag=part.etag,
                proposed=part.size,
                size_min=limits.PART_BYTES_MIN,
            )
    return parts


def _check_checksums(upload: Upload, part: Part, given: Mapping[str, Any]) -> None:
    algorithm = upload.checksum_algorithm
    for name in checksums.SIZES:
        value = given.get(f"Checksum{name}")
        if value is None:
            continue
        if algorithm is not None and name != algorithm:
            raise errors.BadDigest(
                detail=f"The {name.lower()} you specified for part {part.number} did not match what we"
                " received."
            )
        expected = part.checksum if algorithm is not None else _crc64nvme(part)
        if (algorithm is None and name != checksums.DEFAULT) or value != expected:
            raise errors.InvalidPart(upload.id, part.number, part.etag)
    if upload.checksum_type == checksums.COMPOSITE and f"Checksum{algorithm}" not in given:
        assert algorithm is not None
        raise errors.InvalidRequest(
            detail=f"The upload was created using a {algorithm.lower()} checksum. The complete request"
            f" must include the checksum for each part. It was missing for part {part.number} in the request."
        )


def _crc64nvme(part: Part) -> str:
    return base64.b64encode(part.crc64nvme.to_bytes(8)).decode()


def checksum_of(upload: Upload, parts: Sequence[Part]) -> Checksum:
    """The object's checksum, from those of its parts."""
    algorithm = upload.checksum_algorithm
    if algorithm is None or algorithm == checksums.DEFAULT:
        return checksums.combined(
            checksums.DEFAULT, [(part.crc64nvme.to_bytes(8), part.size) for part in parts]
        )
    values = [base64.b64decode(part.checksum) for part in parts]
    if upload.checksum_type == checksums.COMPOSITE:
        return checksums.composite(algorithm, values)
    return checksums.combined(
        algorithm, [(value, part.size) for value, part in zip(values, parts, strict=True)]
    )


def check_kind(upload: Upload, req: Mapping[str, Any]) -> None:
    """Before any part is looked at. Raises: InvalidRequest."""
    kind = req.get("ChecksumType")
    if kind is not None and kind != upload.checksum_type:
        raise errors.InvalidRequest(
            detail=f"The upload was created using the {upload.checksum_type or 'null'} checksum mode. The"
            " complete request must use the same checksum mode."
        )


def check_whole(
    upload: Upload, parts: Sequence[Part], checksum: Checksum, req: Mapping[str, Any]
) -> int:
    """Hold the object to what the request says of it; gives its size.

    Raises: InvalidRequest, BadDigest, EntityTooLarge.
    """
    size = sum(part.size for part in parts)
    if size > limits.OBJECT_BYTES_MAX:
        raise errors.EntityTooLarge(size, limits.OBJECT_BYTES_MAX)
    declared = req.get("MpuObjectSize")
    if declared is not None and declared != size:
        raise errors.InvalidRequest(
            detail=f"The provided 'x-amz-mp-object-size' header value {declared} does not match what was"
            f" computed: {size}"
        )
    for name in checksums.SIZES:
        value = req.get(f"Checksum{name}")
        if value is not None and (
            name != checksum.algorithm or value.partition("-")[0] != checksum.value
        ):
            raise errors.BadDigest(
                detail=f"The {checksum.algorithm.lower()} you specified did not match the calculated checksum."
            )
    return size
