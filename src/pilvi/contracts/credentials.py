"""Questions about keys and sessions, answered by the IAM and STS services."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol

import msgspec

from pilvi.contracts.delivery import Source


class Session(msgspec.Struct, frozen=True):
    """What was settled when temporary credentials were issued, and holds for as long as they do.

    `policies`: session policies as texts, `policy_arns`: managed ones. `tags`: session tags, inherited ones too;
    `transitive`: the keys of those that go on to the next role of a chain, in lower case.
    `mfa_at_ms`: when the holder showed a second factor; None when they did not. `provider`: the identity provider
    that vouched for the holder. `source_arn`: what a service took the role for, the function that runs.
    `issuer_arn`, `issuer_id`: of a federated user, whose permissions are lent.
    """

    issued_at_ms: int
    policies: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    transitive: tuple[str, ...] = ()
    source_identity: str = ""
    mfa_at_ms: int | None = None
    provider: str = ""
    source_arn: str = ""
    issuer_arn: str = ""
    issuer_id: str = ""

    @property
    def is_particular(self) -> bool:
        """Whether it may something else than whoever holds it may otherwise."""
        return bool(
            self.policies or self.policy_arns or self.tags or self.provider or self.issuer_arn
        )


class Credential(msgspec.Struct, frozen=True):
    """What the store knows of an access key that this cloud issued.

    `principal_arn`: as GetCallerIdentity tells it (arn:aws:iam::1:user/u, arn:aws:sts::1:assumed-role/r/s,
    arn:aws:iam::1:root). `principal_id`: its unique id (AIDA..., AROA...:session, the account for root).
    `expires_at_ms`: None for keys that last. `active`: False for keys switched off.
    `made_up`: of a role that does not exist, so that nobody could say what it may; it acts as root.
    `session_token`: what a request must also present; None for keys without one. `session`: likewise.
    """

    access_key_id: str
    secret_access_key: str
    account: str
    principal_arn: str
    principal_id: str
    active: bool = True
    session_token: str | None = None
    expires_at_ms: int | None = None
    role_arn: str | None = None
    made_up: bool = False
    session: Session | None = None


class Credentials(Protocol):
    """Implemented by services/iam; asked by identity for every request."""

    def find_credential(self, access_key_id: str) -> Awaitable[Credential | None]:
        """None: this cloud did not issue that key. Never stale: a revoked key is refused from that commit on."""
        ...


class RoleNotAssumable(Exception):
    """The role does not exist (in strict mode), or its trust policy does not let this service assume it."""


class Sessions(Protocol):
    """Implemented by services/iam; asked by Lambda for a function's credentials."""

    async def check_assumable(self, *, role_arn: str, source: Source) -> None:
        """Raises: RoleNotAssumable."""
        ...

    async def issue_session(
        self, *, role_arn: str, session_name: str, duration_s: int, source: Source
    ) -> Credential:
        """Credentials of an assumed role, as STS would give them.

        `source`: the service that assumes it ("lambda.amazonaws.com"), and for which function.
        In the open mode a role that does not exist still yields a session, which acts as root: people who come
        from emulators name made-up roles.
        Raises: RoleNotAssumable.
        """
        ...

    async def begin_session(
        self, *, role_arn: str, session_name: str, duration_s: int, source: Source
    ) -> tuple[Credential, asyncio.Future[Credential]]:
        """The same while it is being stored, for whoever has something to prepare meanwhile.

        Whoever shows these credentials to this process before they are stored is let in once they are; others do not
        know them. When the future raises (StoreUnavailable; RoleNotAssumable, if the role has just been changed), they
        are worth nothing.
        Raises: RoleNotAssumable.
        """
        ...
