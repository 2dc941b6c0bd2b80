"""Another name or path for a user or a group: its record moves, and all that names it (the invariants of `records.py`).

What a user has to prove who it is lies under its id, and stays; only MFA devices tell their holder's name.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pilvi.base.arn import Scope
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.kit.permission import Permission, check
from pilvi.services.iam import errors, records
from pilvi.services.iam.permissions import AS_IT_WILL_BE
from pilvi.services.iam.proofs import mfa_devices
from pilvi.services.iam.records import (
    ATTACHMENTS,
    GROUPS,
    MEMBERS,
    USERS,
    Attachment,
    Group,
    Member,
    User,
)
from pilvi.store.api import Snapshot, Transaction


async def rename(
    call: Call,
    req: WatchedRequest,
    entity: str,
    *,
    as_it_will_be: Callable[[Snapshot], str],
    move: Callable[[Transaction], None],
) -> None:
    """Move a record, for whoever has the permission for it as it will be, too.

    `entity`: what it is and its name now, as an error tells it. `as_it_will_be`: its ARN then. `move` is called in the
    transaction, unless somebody else moved the record since the permission was given.
    Raises: AccessDenied, EntityTemporarilyUnmodifiable; what the two raise.
    """
    refuse_unread(call.cloud.operation(call.service, call.operation), req)
    target = await call.view(as_it_will_be)
    if call.cloud.settings.iam != "off":
        await check(call, Permission(f"iam:{call.operation}", (target,), told=AS_IT_WILL_BE))

    def update(tx: Transaction) -> None:
        if as_it_will_be(tx) != target:
            raise errors.EntityTemporarilyUnmodifiable(detail=f"The {entity} is being modified.")
        move(tx)

    await call.transact(update)


def rename_user(tx: Transaction, scope: Scope, user: User, *, name: str, path: str) -> None:
    home, boundary = records.home_of(scope), user.boundary
    records.set_boundary(tx, scope, user, "")
    USERS.delete(tx, home, user.name.lower())
    _move_attachments(tx, scope, "user", user, name)
    for group in user.groups:
        MEMBERS.delete(tx, home, group.lower(), user.name.lower())
        MEMBERS.put(tx, home, Member(group=group, user=name))
    user.name, user.path = name, path
    records.set_boundary(tx, scope, user, boundary)
    for access_key_id in user.access_key_ids:
        issued = records.find_issued(tx, access_key_id)
        assert issued is not None, access_key_id
        arn = records.arn_of(scope, "user", user)
        issued.credential = msgspec.structs.replace(issued.credential, principal_arn=arn)
        issued.user_name = name
        records.put_issued(tx, issued)
    mfa_devices.rename_holder(tx, scope, user)


def rename_group(tx: Transaction, scope: Scope, group: Group, *, name: str, path: str) -> None:
    home, former = records.home_of(scope), group.name
    GROUPS.delete(tx, home, former.lower())
    _move_attachments(tx, scope, "group", group, name)
    for member in list(MEMBERS.scan(tx, home, (former.lower(),))):
        user = records.get_user(tx, scope, member.user)
        user.groups = [name if one == former else one for one in user.groups]
        USERS.put(tx, home, user)
        MEMBERS.delete(tx, home, former.lower(), member.user.lower())
        MEMBERS.put(tx, home, Member(group=name, user=member.user))
    group.name, group.path = name, path
    GROUPS.put(tx, home, group)


def _move_attachments(
    tx: Transaction, scope: Scope, kind: str, entity: User | Group, name: str
) -> None:
    home = records.home_of(scope)
    for arn in entity.attached:
        ATTACHMENTS.delete(tx, home, arn, kind, entity.name.lower())
        entry = Attachment(policy_arn=arn, kind=kind, name=name, id=entity.id)
        ATTACHMENTS.put(tx, home, entry)
