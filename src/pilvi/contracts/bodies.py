"""Whose body this is: what services tell people of a record that holds stored bytes."""

from __future__ import annotations

import msgspec


class BodyOwner(msgspec.Struct, frozen=True):
    """`what`: as its users call it ("s3://bucket/key"). `detail`: the same in parts ("bucket", "key", "version")."""

    service: str
    what: str
    detail: dict[str, str] = {}
