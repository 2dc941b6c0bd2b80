"""Issuing credentials: lasting keys of users and of root, and temporary ones of users and roles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from pilvi.base.arn import Arn, Scope
from pilvi.base.entropy import Entropy
from pilvi.contracts.credentials import Credential
from pilvi.contracts.jobs import Job
from pilvi.services.iam import limits, records, rules
from pilvi.services.iam.records import Issued, Role, Root, User
from pilvi.store.api import Transaction

SESSION_TOKEN_LENGTH = 160
_TRIES_MAX = 20


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom temporary credentials speak for."""

    account: str
    arn: str
    id: str
    role_arn: str | None = None
    made_up: bool = False


def role_session(scope: Scope, role: Role, session_name: str) -> Holder:
    """A role that exists."""
    return _session(scope, role.name, session_name, role.id, records.arn_of(scope, "role", role))


def made_up_role_session(role_arn: str, session_name: str) -> Holder:
    """A role that does not exist: its id is made of its name, so that it is the same every time."""
    arn = Arn.parse(role_arn)
    name = arn.resource.rpartition("/")[2]
    holder = _session(arn.scope, name, session_name, f"AROA{name.upper()}"[:21], role_arn)
    return replace(holder, made_up=True)


def _session(scope: Scope, name: str, session: str, role_id: str, role_arn: str) -> Holder:
    arn = Arn("sts", "", scope.account, f"assumed-role/{name}/{session}", scope.partition)
    return Holder(scope.account, str(arn), f"{role_id}:{session}", role_arn)


def issue_key(
    tx: Transaction, entropy: Entropy, scope: Scope, holder: User | Root, *, now_ms: int
) -> Credential:
    """Store a fresh access key that lasts until it is deleted."""
    root = isinstance(holder, Root)
    credential = Credential(
        access_key_id=_fresh_id(tx, entropy, "AKIA", scope.account),
        secret_access_key=entropy.secret(40),
        account=scope.account,
        principal_arn=root_arn(scope) if root else records.arn_of(scope, "user", holder),
        principal_id=scope.account if root else holder.id,
    )
    issued = Issued(credential=credential, created_at_ms=now_ms, user_name=holder.name)
    records.put_issued(tx, issued)
    holder.access_key_ids = [*holder.access_key_ids, credential.access_key_id]
    records.put_key_holder(tx, scope, holder)
    return credential


def retire_key(tx: Transaction, issued: Issued, *, now_ms: int) -> None:
    """Switch a deleted key off, and forget it a day later.

    Forgotten at once, it would be a key like any other that this cloud did not issue, and the open mode lets
    those act as root.
    """
    issued.credential = msgspec.structs.replace(
        issued.credential, active=False, expires_at_ms=now_ms
    )
    records.put_issued(tx, issued)
    schedule_sweep(tx, now_ms + limits.EXPIRED_KEPT_MS)


def root_arn(scope: Scope) -> str:
    return str(Arn("iam", "", scope.account, "root", scope.partition))


def issue(
    tx: Transaction, entropy: Entropy, holder: Holder, *, now_ms: int, duration_s: int
) -> Credential:
    """Store fresh temporary credentials, and see to it that they are swept when they are over."""
    expires_at_ms = now_ms + 1000 * duration_s
    credential = Credential(
        access_key_id=_fresh_id(tx, entropy, "ASIA", holder.account),
        secret_access_key=entropy.secret(40),
        account=holder.account,
        principal_arn=holder.arn,
        principal_id=holder.id,
        session_token=entropy.secret(SESSION_TOKEN_LENGTH),
        expires_at_ms=expires_at_ms,
        role_arn=holder.role_arn,
        made_up=holder.made_up,
    )
    records.put_issued(tx, Issued(credential=credential, created_at_ms=now_ms))
    schedule_sweep(tx, expires_at_ms + limits.EXPIRED_KEPT_MS)
    return credential


def _fresh_id(tx: Transaction, entropy: Entropy, prefix: str, account: str) -> str:
    """A key id that nobody has: one in 2**39 of an account may be taken, and is not given twice."""
    for _ in range(_TRIES_MAX):
        access_key_id = rules.access_key_id(prefix, account, entropy.bytes(5))
        if records.find_issued(tx, access_key_id) is None:
            return access_key_id
    raise AssertionError(f"{_TRIES_MAX} key ids in a row are taken in {account}")


def schedule_sweep(tx: Transaction, due_ms: int) -> None:
    """One sweep for each full hour in which a session becomes old enough, however many they are."""
    hour = -(-due_ms // limits.SWEEP_EVERY_MS)
    job = Job(kind="sts.sweep", payload=b"", id=f"sts.sweep.{hour}")
    tx.at(hour * limits.SWEEP_EVERY_MS, job)
