"""What requests say of the page that they want."""

from __future__ import annotations

from pilvi.services.s3 import errors, limits


def size_of(given: int, name: str, size_max: int) -> int:
    """How many answers; none asked for means as many as there may be. Raises: InvalidArgument."""
    if given < 0:
        raise errors.InvalidArgument(
            f"Argument {name} must be an integer between 0 and 2147483647", name, str(given)
        )
    return min(given, size_max) or size_max


def part_marker(given: int | None) -> int:
    """The number of the part behind which to go on. Raises: InvalidArgument."""
    if given is None:
        return 0
    if given < 0:
        raise errors.InvalidArgument(
            "Argument part-number-marker must be an integer between 0 and 2147483647",
            "part-number-marker",
            str(given),
        )
    return min(given, limits.PART_NUMBER_MAX)
