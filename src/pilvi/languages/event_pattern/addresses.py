"""IP addresses and networks in event patterns.

AWS: EventBridge User Guide, "Comparison operators for use in event patterns", section "IP address matching".
"""

from __future__ import annotations

import ipaddress
import re

from pilvi.languages.event_pattern.problems import InvalidPattern

Address = tuple[int, int]
"""The version, 4 or 6, and the number."""

_V4 = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_V6 = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")
_INTEGER = re.compile(r"[+-]?[0-9]+")


def find_address(text: str) -> Address | None:
    """The address that the text spells, if it spells one."""
    if not _looks_like_one(text):
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return found.version, int(found)


def _looks_like_one(text: str) -> bool:
    return len(text) <= 45 and bool(_V4.fullmatch(text) or _V6.fullmatch(text))


def read_network(text: str) -> tuple[int, int, int]:
    """The version and the first and the last address of a block. Raises: InvalidPattern.

    The first is the address that was written, even in the middle of its block: AWS masks only the last.
    """
    parts = text.rstrip("/").split("/") if text.strip("/") else []
    if len(parts) != 2:
        raise InvalidPattern("Malformed CIDR, one '/' required")
    address_text, bits_text = parts
    if not _INTEGER.fullmatch(bits_text) or abs(int(bits_text)) >= 2**31:
        raise InvalidPattern("Malformed CIDR, mask bits must be an integer")
    bits = int(bits_text)
    if bits < 0:
        raise InvalidPattern("Malformed CIDR, mask bits must not be negative")
    if not _looks_like_one(address_text):
        raise InvalidPattern(f"Nonstandard IP address: {address_text}")
    found = find_address(address_text)
    if found is None:
        raise InvalidPattern(f"Invalid IP address: {address_text}")
    version, first = found
    width = 32 if version == 4 else 128
    if bits > width - 1:
        raise InvalidPattern(f"IPv{version} mask bits must be < {width}")
    return version, first, first | ((1 << (width - bits)) - 1)
