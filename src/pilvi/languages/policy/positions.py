"""Where a policy's statements stand in its text, for those who are shown a decision.

This is a pass of its own over a text that is known to be a policy, so that reading policies for each request does not
pay for it. A place is the line and column, from 1, behind the brace that opens or closes the statement: that is how
AWS tells it.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:]')


class Place(NamedTuple):
    line: int
    column: int


class Span(NamedTuple):
    start: Place
    end: Place


@lru_cache(maxsize=64)
def statement_spans(text: str) -> tuple[Span, ...]:
    """One for each statement, in their order; `text` has been parsed as a policy."""
    found: list[Span] = []
    opened = ""
    string = member = ""
    start = 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign == ":":
            member = json.loads(string) if opened == "{" else member
        elif sign in "{[":
            if sign == "{" and member == "Statement" and opened in ("{", "{["):
                start = token.end()
            opened += sign
        elif sign in "}]":
            opened = opened[:-1]
            if sign == "}" and member == "Statement" and opened in ("{", "{["):
                found.append(Span(_place(text, start), _place(text, token.end())))
        else:
            string = sign
    return tuple(found)


def _place(text: str, offset: int) -> Place:
    line_start = text.rfind("\n", 0, offset) + 1
    return Place(text.count("\n", 0, offset) + 1, offset - line_start + 1)
