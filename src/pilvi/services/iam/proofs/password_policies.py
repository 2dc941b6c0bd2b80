"""What an account demands of its users' passwords: one record for each account, or none.

Home `(account, "aws-global")`.
"""

from __future__ import annotations

import msgspec

from pilvi.base.arn import Scope
from pilvi.services.iam import limits
from pilvi.services.iam.records import home_of
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection


class PasswordPolicy(msgspec.Struct, kw_only=True, frozen=True):
    """`age_days_max`, `reuse_prevented`: None for no limit. `hard_expiry`: whose password is too old needs an
    administrator to get another one."""

    length_min: int = limits.PASSWORD_LENGTH_DEFAULT
    symbols: bool = False
    numbers: bool = False
    upper: bool = False
    lower: bool = False
    users_may_change: bool = False
    age_days_max: int | None = None
    reuse_prevented: int | None = None
    hard_expiry: bool = False


PASSWORD_POLICIES = Collection(
    "iam.password_policy", PasswordPolicy, key=lambda _policy: (), kept=True
)
"""Kept: `permissions.py` reads `users_may_change`."""


def find(at: Snapshot, scope: Scope) -> PasswordPolicy | None:
    return PASSWORD_POLICIES.find(at, home_of(scope))


def expires_at_ms(policy: PasswordPolicy | None, changed_at_ms: int) -> int | None:
    """When a password that was set then becomes too old; None for never."""
    if policy is None or policy.age_days_max is None:
        return None
    return changed_at_ms + policy.age_days_max * limits.DAY_MS
