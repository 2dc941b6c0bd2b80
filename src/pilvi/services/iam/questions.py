"""Answers to the rest of the cloud: whose key is this, and credentials for a role."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable

from pilvi.base.arn import GLOBAL_REGION, Arn, Scope
from pilvi.contracts.credentials import Credential, Credentials, RoleNotAssumable, Session
from pilvi.contracts.delivery import Source
from pilvi.identity.guardrails import Guardrails, GuardrailsOf
from pilvi.kit.cloud import Cloud
from pilvi.services.iam import errors, limits, permissions, records
from pilvi.services.iam.proofs import mfa
from pilvi.services.iam.records import Role
from pilvi.services.iam.sessions import tokens
from pilvi.store.api import Snapshot, StoreUnavailable, Transaction
from pilvi.store.sealing import Sealer

log = logging.getLogger("pilvi.iam")


class IamCredentials:
    """`contracts.credentials.Credentials`. Asked for every request, so the answers are kept."""

    def __init__(self, cloud: Cloud) -> None:
        self._sealer = cloud.ask(Sealer)
        self._kept = cloud.kept(self._credential, most=limits.CREDENTIALS_KEPT)
        self._storing: dict[str, asyncio.Future[Credential]] = {}
        """Sessions that were given out already, by their ids."""

    def find_credential(self, access_key_id: str) -> Awaitable[Credential | None]:
        if self._storing and (stored := self._storing.get(access_key_id)) is not None:
            return self._find_when(stored, access_key_id)
        return self._kept.get(access_key_id)

    async def _find_when(
        self, stored: asyncio.Future[Credential], access_key_id: str
    ) -> Credential | None:
        await asyncio.wait([stored])
        return await self._kept.get(access_key_id)

    def expect(self, credential: Credential, stored: asyncio.Future[Credential]) -> None:
        """It may be asked for before it is stored."""
        self._storing[credential.access_key_id] = stored
        stored.add_done_callback(lambda _: self._storing.pop(credential.access_key_id))

    def _credential(self, at: Snapshot, access_key_id: str) -> Credential | None:
        issued = records.find_issued(at, access_key_id)
        return None if issued is None else tokens.opened(at, self._sealer, issued)


class IamSessions:
    """`contracts.credentials.Sessions`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        credentials = cloud.ask(Credentials)
        assert isinstance(credentials, IamCredentials)
        self._credentials = credentials
        self._told: set[str] = set()

    async def check_assumable(self, *, role_arn: str, source: Source) -> None:
        """Raises: RoleNotAssumable."""
        around = await self._around(role_arn, source)
        await self._cloud.store.read(lambda at: self._assumable(at, role_arn, source, around))

    async def issue_session(
        self, *, role_arn: str, session_name: str, duration_s: int, source: Source
    ) -> Credential:
        """Raises: RoleNotAssumable; ValueError when `role_arn` is no ARN."""
        _credential, stored = await self.begin_session(
            role_arn=role_arn, session_name=session_name, duration_s=duration_s, source=source
        )
        return await asyncio.shield(stored)

    async def begin_session(
        self, *, role_arn: str, session_name: str, duration_s: int, source: Source
    ) -> tuple[Credential, asyncio.Future[Credential]]:
        """A service acts under a role for up to twelve hours, whatever the role's own longest session.

        Raises: RoleNotAssumable; ValueError when `role_arn` is no ARN.
        """
        arn = Arn.parse(role_arn)
        cloud = self._cloud
        assert 0 < duration_s <= limits.SERVICE_SESSION_S_MAX, duration_s
        around = await self._around(role_arn, source)

        def holder(at: Snapshot) -> tokens.Holder:
            role = self._assumable(at, role_arn, source, around)
            if role is None:
                return tokens.made_up_role_session(role_arn, session_name)
            return tokens.role_session(arn.scope, role, session_name)

        session = Session(issued_at_ms=cloud.clock.now_ms(), source_arn=source.arn)
        issuer = tokens.Issuer(cloud)
        found = await cloud.store.read(holder)
        credential = issuer.draw_session(found, session, duration_s=duration_s)

        def store(tx: Transaction) -> Credential:
            if holder(tx) != found:
                raise RoleNotAssumable(f"{role_arn} has changed")
            if not issuer.store_session(tx, credential):
                raise StoreUnavailable(reason=f"the id {credential.access_key_id} is taken")
            return credential

        stored = asyncio.ensure_future(cloud.store.write(store))
        self._credentials.expect(credential, stored)
        return credential, stored

    async def _around(self, role_arn: str, source: Source) -> tuple[Guardrails, Guardrails]:
        """What organisations say of the role's account, and of the account that the service acts for."""
        of_account = self._cloud.ask(GuardrailsOf).of_account
        role_account = (role_arn.split(":", 5) + [""] * 5)[4]
        return await of_account(role_account), await of_account(source.account)

    def _assumable(
        self, at: Snapshot, role_arn: str, source: Source, around: tuple[Guardrails, Guardrails]
    ) -> Role | None:
        """The role, if the service may assume it; None for a made-up one. Raises: RoleNotAssumable."""
        settings = self._cloud.settings
        role = permissions.find_role(at, role_arn)
        if role is None:
            if settings.auth == "strict":
                raise RoleNotAssumable(f"{role_arn} does not exist")
            self._tell_made_up(role_arn)
        elif settings.iam == "enforce" and not permissions.trusts_service(
            role_arn, role, source, now_ms=self._cloud.clock.now_ms(), around=around
        ):
            raise RoleNotAssumable(f"{role_arn} does not trust {source.service}")
        return role

    def _tell_made_up(self, role_arn: str) -> None:
        if role_arn not in self._told and len(self._told) < limits.MADE_UP_ROLES_TOLD:
            self._told.add(role_arn)
            log.warning(
                "the role %s does not exist; in the open mode what has it is root", role_arn
            )


class IamSecondFactors:
    """`contracts.factors.SecondFactors`."""

    def __init__(self, cloud: Cloud) -> None:
        self._sealer = cloud.ask(Sealer)

    def accept_of_root(
        self, tx: Transaction, account: str, serial: str, code: str, now_ms: int
    ) -> bool:
        scope = Scope(account, GLOBAL_REGION)
        root = records.get_root(tx, scope)
        try:
            mfa.check_code(tx, scope, root, serial, code, now_ms, sealer=self._sealer)
        except errors.AccessDenied:
            return False
        return True


class IamPrincipals:
    """`contracts.principals.Principals`."""

    def __init__(self, cloud: Cloud) -> None:
        pass

    def ids_of(self, at: Snapshot, arns: Iterable[str]) -> dict[str, str]:
        return permissions.ids_of(at, arns)
