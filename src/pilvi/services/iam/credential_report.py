"""Credential reports: one for each account, made by a job and kept until the next. Home `(account, "aws-global")`.

AWS: IAM User Guide, "Generate credential reports for your AWS account".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from pilvi.base.arn import Scope
from pilvi.services.iam import records
from pilvi.services.iam.observed.records import last_used
from pilvi.services.iam.proofs import (
    logins,
    mfa_devices,
    password_policies,
    signing_certificates,
)
from pilvi.services.iam.records import Root, User
from pilvi.services.iam.sessions import tokens
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection

COLUMNS = (
    *("user", "arn", "user_creation_time", "password_enabled", "password_last_used"),
    *("password_last_changed", "password_next_rotation", "mfa_active"),
    *("access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date"),
    *("access_key_1_last_used_region", "access_key_1_last_used_service"),
    *("access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date"),
    *("access_key_2_last_used_region", "access_key_2_last_used_service"),
    *("cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated"),
)
_NONE = "N/A"


class CredentialReport(msgspec.Struct, kw_only=True):
    """`made_at_ms`: None while it is being made. `id`: of the request that began it."""

    id: str
    asked_at_ms: int
    made_at_ms: int | None = None
    content: bytes = b""


CREDENTIAL_REPORTS = Collection("iam.credential_report", CredentialReport, key=lambda _report: ())


def find(at: Snapshot, scope: Scope) -> CredentialReport | None:
    return CREDENTIAL_REPORTS.find(at, records.home_of(scope))


def as_csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode()


def root_row(at: Snapshot, scope: Scope) -> list[str]:
    root = records.get_root(at, scope)
    return [
        "<root_account>",
        tokens.root_arn(scope),
        _time(0),
        *("not_supported", "no_information", "not_supported", "not_supported"),
        *_rest(at, scope, root, []),
    ]


def user_row(at: Snapshot, scope: Scope, user: User) -> list[str]:
    held = signing_certificates.of_user(at, scope, user)
    certificates = sorted(held, key=lambda one: one.uploaded_at_ms)
    return [
        user.name,
        records.arn_of(scope, "user", user),
        _time(user.created_at_ms),
        *_password(at, scope, user),
        *_rest(
            at,
            scope,
            user,
            [(_flag(one.active), _time(one.uploaded_at_ms)) for one in certificates],
        ),
    ]


def _password(at: Snapshot, scope: Scope, user: User) -> Iterator[str]:
    """Whether there is one, when it was used, changed, and must be changed. Nobody signs in to a console here."""
    login = logins.find(at, scope, user)
    if login is None:
        yield from ("false", _NONE, _NONE, _NONE)
        return
    policy = password_policies.find(at, scope)
    due_ms = password_policies.expires_at_ms(policy, login.changed_at_ms)
    yield from ("true", "no_information", _time(login.changed_at_ms))
    yield _NONE if due_ms is None else _time(due_ms)


def _rest(
    at: Snapshot, scope: Scope, holder: User | Root, certificates: list[tuple[str, str]]
) -> Iterator[str]:
    yield _flag(any(True for _ in mfa_devices.of_holder(at, scope, holder)))
    for number in range(2):
        if number < len(holder.access_key_ids):
            yield from _key(at, holder.access_key_ids[number])
        else:
            yield from ("false", _NONE, _NONE, _NONE, _NONE)
    for number in range(2):
        yield from certificates[number] if number < len(certificates) else ("false", _NONE)


def _key(at: Snapshot, access_key_id: str) -> Iterator[str]:
    issued = records.find_issued(at, access_key_id)
    assert issued is not None, access_key_id
    yield _flag(issued.credential.active)
    yield _time(issued.created_at_ms)
    use = last_used(at, access_key_id)
    yield from (_NONE, _NONE, _NONE) if use is None else (_time(use.at_ms), use.region, use.service)


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).isoformat()
