"""Facts: what is now true, told to whoever listens.

A service states a fact inside its transaction (`tx.emit(...)`); the consumers that app.py lists get it
at least once, each as a durable job. A fact is frozen, small, and made of plain values.
"""

from __future__ import annotations

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all facts. `account` and `region` say where it happened."""

    account: str
    region: str
