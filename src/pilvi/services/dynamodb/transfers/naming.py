"""Ids, ARNs and page tokens of imports and exports."""

from __future__ import annotations

import re

from pilvi.kit.call import Call

_ARN = re.compile(
    r"arn:[^:]+:dynamodb:(?P<region>[^:]+):(?P<account>[0-9]{12}):table/(?P<table>[a-zA-Z0-9_.-]{3,255})"
    r"/(?P<kind>import|export)/(?P<id>[0-9]{14}-[0-9a-f]{8})"
).fullmatch
_TOKEN_LENGTH_MIN = 112
_TOKEN_STEP = 16


def new_id(call: Call) -> str:
    """Sorts by time, and looks as AWS's."""
    return f"{call.now_ms:014d}-{call.entropy.hex(8)}"


def id_in(call: Call, arn: str, kind: str) -> str | None:
    """The id that an ARN of the caller's own ends with; None for any other text."""
    found = _ARN(arn)
    if found is None or (found["region"], found["account"]) != (call.region, call.account):
        return None
    return found["id"] if found["kind"] == kind else None


def page_token(id: str) -> str:
    """Behind which a list goes on. The model wants hexadecimal digits, in sixteens, and 112 at least."""
    digits = id.encode().hex()
    length = max(_TOKEN_LENGTH_MIN, -(-len(digits) // _TOKEN_STEP) * _TOKEN_STEP)
    return digits.ljust(length, "0")


def id_of_token(token: str) -> str | None:
    """None for a text that `page_token` did not make."""
    try:
        return bytes.fromhex(token).rstrip(b"\x00").decode("ascii")
    except ValueError:
        return None
