"""Acting in the name of a function: what Lambda does for it elsewhere, it does with the function's execution role.

AWS: Lambda Developer Guide, "Defining Lambda function permissions with an execution role".
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from pilvi.contracts.credentials import Credential, RoleNotAssumable, Sessions
from pilvi.identity.principal import Principal, holder_of
from pilvi.kit.cloud import Cloud
from pilvi.services.lambda_ import errors, limits
from pilvi.services.lambda_.names import source_of

_SESSION_S = 3600
_MARGIN_MS = 60_000
_HELD: WeakKeyDictionary[Cloud, dict[tuple[str, str], Credential]] = WeakKeyDictionary()
"""Sessions of roles, by role and function: they are records, and there are not to be as many as there are deeds."""


async def execution_role(cloud: Cloud, role: str, function_arn: str) -> Principal:
    """Who acts for a function. The role must let itself be assumed each time.

    `function_arn`: unqualified. Raises: RoleNotAssumed.
    """
    sessions, source = cloud.ask(Sessions), source_of(function_arn)
    held = _HELD.setdefault(cloud, {})
    name = (role, function_arn)
    credential = held.pop(name, None)
    try:
        await sessions.check_assumable(role_arn=role, source=source)
        if credential is None or _is_nearly_over(credential, cloud.clock.now_ms()):
            credential = await sessions.issue_session(
                role_arn=role,
                session_name=function_arn.rpartition(":")[2],
                duration_s=_SESSION_S,
                source=source,
            )
    except RoleNotAssumable as problem:
        raise errors.RoleNotAssumed() from problem
    while len(held) >= limits.ROLES_HELD:
        held.pop(next(iter(held)))
    held[name] = credential
    return holder_of(credential)


def _is_nearly_over(credential: Credential, now_ms: int) -> bool:
    return (credential.expires_at_ms or 0) - _MARGIN_MS <= now_ms
