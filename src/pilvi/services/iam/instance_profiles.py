"""What IAM stores of instance profiles: the wrapping in which EC2 takes a role. Home: the account.

Invariant: the role that a profile names exists, for whoever deletes a role asks `profiles_of` before.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.base.arn import Scope
from pilvi.services.iam import errors
from pilvi.services.iam.records import Role, home_of
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection
from pilvi.store.keys import Key


class InstanceProfile(msgspec.Struct, kw_only=True):
    """`role`: the name of its one role, or ""."""

    name: str
    path: str
    id: str
    created_at_ms: int
    role: str = ""
    tags: dict[str, str] = {}


def _role(profile: InstanceProfile) -> Key | None:
    return (profile.role.lower(),) if profile.role else None


INSTANCE_PROFILES = Collection(
    "iam.instance_profile",
    InstanceProfile,
    key=lambda profile: (profile.name.lower(),),
    indexes={"role": _role},
)


def get_profile(at: Snapshot, scope: Scope, name: str) -> InstanceProfile:
    """Raises: NoSuchEntity."""
    profile = INSTANCE_PROFILES.find(at, home_of(scope), name.lower())
    if profile is None:
        raise errors.NoSuchEntity(detail=f"Instance Profile {name} cannot be found.")
    return profile


def profiles_of(at: Snapshot, scope: Scope, role: Role) -> Iterator[InstanceProfile]:
    """Sorted by name."""
    return INSTANCE_PROFILES.scan_index(at, home_of(scope), "role", (role.name.lower(),))
