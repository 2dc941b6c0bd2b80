"""Which bytes of an object a request asks for.

AWS: S3 API Reference, "GetObject"; RFC 9110, section 14.
"""

from __future__ import annotations

import re

from pilvi.services.s3 import errors

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_COPY_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the byte behind the last; None for the whole object.

    A header that is no single range of bytes is not obeyed, as HTTP says.
    Raises: InvalidRange.
    """
    if header is None:
        return None
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        if not last:
            return None
        length = int(last)
        if length == 0 or size == 0:
            raise errors.InvalidRange(header, size)
        return max(0, size - length), size
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise errors.InvalidRange(header, size)
    return start, min(size, int(last) + 1) if last else size


def copy_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The range of an UploadPartCopy, which must lie inside its source; None for all of it.

    Raises: InvalidArgument, InvalidRequest.
    """
    if header is None:
        return None
    match = _COPY_RANGE.fullmatch(header)
    if match is None or int(match[2]) < int(match[1]):
        raise errors.InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are"
            " the zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            header,
        )
    start, last = int(match[1]), int(match[2])
    if start >= size:
        raise errors.InvalidRequest(
            detail="The specified copy range is invalid for the source object size"
        )
    if last >= size:
        raise errors.InvalidArgument(
            f"Range specified is not valid for source object of size: {size}",
            "x-amz-copy-source-range",
            header,
        )
    return start, last + 1
