"""What can be wrong with an event pattern, in EventBridge's words."""

from __future__ import annotations

_SOURCE_MAX = 500


class InvalidPattern(ValueError):
    """The text is no event pattern. `reason` is what AWS writes behind "Event pattern is not valid. Reason: "."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def located(reason: str, text: str, at: int) -> InvalidPattern:
    """The reason with the place behind it: the line and the column of the character at `at`, counted from one."""
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    return InvalidPattern(f"{reason}\n at {place(text, line, column)}")


def place(text: str, line: int, column: int) -> str:
    shown = text[:_SOURCE_MAX]
    cut = len(text) - len(shown)
    rest = f"[truncated {cut} chars]" if cut else ""
    return f'[Source: (String)"{shown}"{rest}; line: {line}, column: {column}]'
