"""Patch operations: how the REST control plane changes things (RFC 6902 in part, values are texts)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pilvi.services.apigateway import errors
from pilvi.services.apigateway.wire_rest import PatchOperation

_DIGITS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Patch:
    op: str
    path: str
    value: str

    def must_replace(self) -> None:
        """Raises: BadRequestException."""
        if self.op != "replace":
            raise errors.BadRequestException(
                detail="Invalid patch operation specified. Must be one of: [replace]"
            )

    def truth(self) -> bool:
        """Raises: BadRequestException."""
        if self.value.lower() not in ("true", "false"):
            raise errors.BadRequestException(
                detail=f"Invalid value {self.value} for {self.path}. Must be true or false"
            )
        return self.value.lower() == "true"

    def number(self) -> int:
        """Raises: BadRequestException."""
        if not _DIGITS.fullmatch(self.value):
            raise errors.BadRequestException(
                detail=f"Invalid value {self.value} for {self.path}. Must be a number"
            )
        return int(self.value)


def read(wire: Iterable[PatchOperation]) -> Iterator[Patch]:
    """Raises: BadRequestException for an operation without a path."""
    for operation in wire:
        path = operation.get("path")
        if not path:
            raise errors.BadRequestException(detail="Invalid patch path null")
        yield Patch(operation.get("op", ""), path, operation.get("value", ""))


def unescaped(segment: str) -> str:
    """A segment of a JSON pointer: `~1` is a slash, `~0` a tilde."""
    return segment.replace("~1", "/").replace("~0", "~")
