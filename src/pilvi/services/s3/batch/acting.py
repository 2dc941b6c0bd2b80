"""Acting as the role of a batch job: every request passes the permission step, as one from outside would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.contracts.causes import Cause
from pilvi.contracts.credentials import Credential, RoleNotAssumable, Sessions
from pilvi.contracts.delivery import Source
from pilvi.identity.principal import Principal, holder_of
from pilvi.kit import permission
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.permission import Permission
from pilvi.services.s3.records.batch_jobs import BatchJob
from pilvi.services.s3.service import s3

SERVICE = "batchoperations.s3.amazonaws.com"
_SESSION_S = 2 * 3600
_MARGIN_MS = 1_800_000
_HELD_MAX = 256


class RoleRefused(AwsError):
    """The job's role cannot be taken."""

    code = "AccessDenied"
    message = "{reason}"
    status = 403


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, for one step of a job."""

    cloud: Cloud
    job: BatchJob
    principal: Principal
    cause: Cause

    @property
    def scope(self) -> Scope:
        return Scope(self.job.account, self.job.region)

    async def perform(
        self,
        operation: str,
        params: dict[str, Any],
        *,
        service: str = "s3",
        body: AsyncIterator[bytes] | None = None,
    ) -> dict[str, Any]:
        """Raises: AwsError."""
        return await self.cloud.perform(
            service,
            operation,
            params,
            scope=self.scope,
            principal=self.principal,
            cause=self.cause,
            body=body,
        )

    def call(self) -> Call:
        """For what no operation of the API does."""
        return self.cloud.call(
            s3.operations["ListObjectVersions"],
            scope=self.scope,
            principal=self.principal,
            request_id=self.cause.request_id,
            parent=self.cause.parent,
        )

    async def demand(self, action: str, resource: str) -> None:
        """For what no operation of the API does. Raises: AccessDenied."""
        await permission.demand(self.call(), Permission(action, (resource,), told={}))


_HELD: WeakKeyDictionary[Cloud, dict[tuple[str, str], Credential]] = WeakKeyDictionary()
"""Sessions of roles, by role and job: a step takes the one of the step before."""


async def acting(cloud: Cloud, job: BatchJob, cause: Cause) -> Acting:
    """The role must let itself be assumed at every step. Raises: RoleRefused."""
    source = Source(SERVICE, job.arn, job.account)
    sessions, held = cloud.ask(Sessions), _HELD.setdefault(cloud, {})
    name = (job.role_arn, job.id)
    credential = held.pop(name, None)
    try:
        await sessions.check_assumable(role_arn=job.role_arn, source=source)
        if credential is None or _is_nearly_over(credential, cloud.clock.now_ms()):
            credential = await sessions.issue_session(
                role_arn=job.role_arn,
                session_name=f"s3-batch-{job.id[:8]}",
                duration_s=_SESSION_S,
                source=source,
            )
    except RoleNotAssumable as refusal:
        raise RoleRefused(reason=str(refusal)) from None
    while len(held) >= _HELD_MAX:
        held.pop(next(iter(held)))
    held[name] = credential
    return Acting(cloud, job, holder_of(credential), cause)


def _is_nearly_over(credential: Credential, now_ms: int) -> bool:
    return (credential.expires_at_ms or 0) - _MARGIN_MS <= now_ms
