"""Passwords of users: records. Home `(account, "aws-global")`, key: the user's id.

Invariants:
1. No password is kept, only hashes of it, each with a salt of its own (`passwords.py`).
2. As many former ones are remembered as the account's policy forbids to use again, newest first.
"""

from __future__ import annotations

import msgspec

from pilvi.base.arn import Scope
from pilvi.services.iam.proofs.passwords import PasswordHash
from pilvi.services.iam.records import User, home_of
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection


class Login(msgspec.Struct, kw_only=True):
    """`reset_required`: the user must choose another password at its next sign-in."""

    user_id: str
    password: PasswordHash
    created_at_ms: int
    changed_at_ms: int
    reset_required: bool = False
    former: list[PasswordHash] = []


LOGINS = Collection("iam.login", Login, key=lambda login: (login.user_id,))


def find(at: Snapshot, scope: Scope, user: User) -> Login | None:
    return LOGINS.find(at, home_of(scope), user.id)


def put(tx: Transaction, scope: Scope, login: Login) -> None:
    LOGINS.put(tx, home_of(scope), login)


def delete(tx: Transaction, scope: Scope, user: User) -> Login | None:
    return LOGINS.delete(tx, home_of(scope), user.id)
