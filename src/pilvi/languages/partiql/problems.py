"""What may be wrong with a statement, in AWS's words."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """Where a word stands, counted from one, and how many characters it has."""

    line: int
    column: int
    length: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}:{self.length}"


class PartiqlProblem(Exception):
    """`text`: what the caller is told."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)


def malformed(detail: str = "") -> PartiqlProblem:
    return PartiqlProblem(f"Statement wasn't well formed, can't be processed: {detail}")
