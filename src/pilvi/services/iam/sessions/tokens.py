"""Issuing credentials: lasting keys of users and of root, and temporary ones of users and roles.

Their secrets are sealed in the store; what a session may is told by its record (`contracts.credentials.Session`),
not by its token, which is random.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from pilvi.base.arn import Arn, Scope
from pilvi.contracts.credentials import Credential, Session
from pilvi.contracts.jobs import Job
from pilvi.kit.cloud import Cloud
from pilvi.services.iam import limits, records, rules
from pilvi.services.iam.records import Issued, Role, Root, User
from pilvi.services.iam.wire import Credentials
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import Key
from pilvi.store.sealing import Sealer

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


class Issuer:
    """Makes credentials.

    One id in 2**39 of an account is taken already. Then others are drawn; no id is given twice.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._entropy = cloud.entropy
        self._sealer = cloud.ask(Sealer)

    def key(self, tx: Transaction, scope: Scope, holder: User | Root, *, now_ms: int) -> Credential:
        """Store a fresh access key that lasts until it is deleted."""
        root = isinstance(holder, Root)
        for _ in range(_TRIES_MAX):
            credential = Credential(
                access_key_id=self._draw_id("AKIA", scope.account),
                secret_access_key=self._entropy.secret(40),
                account=scope.account,
                principal_arn=root_arn(scope) if root else records.arn_of(scope, "user", holder),
                principal_id=scope.account if root else holder.id,
            )
            if self._store(tx, credential, now_ms, user_name=holder.name):
                holder.access_key_ids = [*holder.access_key_ids, credential.access_key_id]
                records.put_key_holder(tx, scope, holder)
                return credential
        raise AssertionError(f"{_TRIES_MAX} key ids in a row are taken in {scope.account}")

    def session(
        self, tx: Transaction, holder: Holder, session: Session, *, duration_s: int
    ) -> Credential:
        """Store fresh temporary credentials."""
        for _ in range(_TRIES_MAX):
            credential = self.draw_session(holder, session, duration_s=duration_s)
            if self.store_session(tx, credential):
                return credential
        raise AssertionError(f"{_TRIES_MAX} key ids in a row are taken in {holder.account}")

    def draw_session(self, holder: Holder, session: Session, *, duration_s: int) -> Credential:
        """Temporary credentials, which are worth nothing until they are stored."""
        return Credential(
            access_key_id=self._draw_id("ASIA", holder.account),
            secret_access_key=self._entropy.secret(40),
            account=holder.account,
            principal_arn=holder.arn,
            principal_id=holder.id,
            session_token=self._entropy.secret(SESSION_TOKEN_LENGTH),
            expires_at_ms=session.issued_at_ms + 1000 * duration_s,
            role_arn=holder.role_arn,
            made_up=holder.made_up,
            session=session,
        )

    def store_session(self, tx: Transaction, credential: Credential) -> bool:
        """And see to it that they are swept when they are over. False when the id is taken."""
        assert credential.session is not None
        assert credential.expires_at_ms is not None
        if not self._store(tx, credential, credential.session.issued_at_ms):
            return False
        schedule_sweep(tx, credential.expires_at_ms + limits.EXPIRED_KEPT_MS)
        return True

    def _store(
        self, tx: Transaction, credential: Credential, now_ms: int, user_name: str = ""
    ) -> bool:
        told = msgspec.structs.replace(credential, secret_access_key="", session_token=None)
        secrets = msgspec.msgpack.encode((credential.secret_access_key, credential.session_token))
        sealed = self._sealer.seal(tx, _sealed_for(credential.access_key_id), secrets)
        issued = Issued(credential=told, sealed=sealed, created_at_ms=now_ms, user_name=user_name)
        return records.add_issued(tx, issued)

    def _draw_id(self, prefix: str, account: str) -> str:
        return rules.access_key_id(prefix, account, self._entropy.bytes(5))


def opened(at: Snapshot, sealer: Sealer, issued: Issued) -> Credential:
    """The credential with its secrets. Raises: SecretsUnavailable, SealBroken."""
    told = issued.credential
    secrets = sealer.open(at, _sealed_for(told.access_key_id), issued.sealed)
    secret, token = msgspec.msgpack.decode(secrets, type=tuple[str, str | None])
    return msgspec.structs.replace(told, secret_access_key=secret, session_token=token)


def told(credential: Credential) -> Credentials:
    """Temporary credentials as STS's answers have them."""
    assert credential.session_token is not None
    assert credential.expires_at_ms is not None
    return {
        "AccessKeyId": credential.access_key_id,
        "SecretAccessKey": credential.secret_access_key,
        "SessionToken": credential.session_token,
        "Expiration": credential.expires_at_ms,
    }


def _sealed_for(access_key_id: str) -> Key:
    return (*records.EVERYWHERE, "iam.issued", access_key_id)


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


def schedule_sweep(tx: Transaction, due_ms: int) -> None:
    """One sweep for each full hour in which a session becomes old enough, however many they are."""
    hour = -(-due_ms // limits.SWEEP_EVERY_MS)
    job = Job(kind="sts.sweep", payload=b"", id=f"sts.sweep.{hour}")
    tx.at(hour * limits.SWEEP_EVERY_MS, job)
