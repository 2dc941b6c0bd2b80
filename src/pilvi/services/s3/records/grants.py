"""Grants of access control lists, as buckets, objects and uploads keep them."""

from __future__ import annotations

import msgspec

NOBODY = "anonymous"
"""The owner of what an unsigned request wrote, where an account's number would stand."""


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """`grantee`: a canonical user id, or the URI of a group. `permission`: READ, WRITE, READ_ACP, WRITE_ACP or
    FULL_CONTROL."""

    grantee: str
    permission: str

    @property
    def is_group(self) -> bool:
        return self.grantee.startswith("http")


Acl = tuple[Grant, ...] | None
"""None: nobody but the owner has anything, as where no list was ever put."""
