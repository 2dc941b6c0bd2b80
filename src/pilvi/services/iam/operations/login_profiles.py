"""Login profiles, which are passwords: give a user one, change it, take it away.

Hashing takes its time outside of transactions. So what was seen before it is compared with what is there after it: a
password that another request changed meanwhile refuses this one.
"""

from __future__ import annotations

from typing import NamedTuple

from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.iam import aliases, errors, limits, records
from pilvi.services.iam.operations.callers import user_name_of
from pilvi.services.iam.proofs import logins, password_policies, passwords
from pilvi.services.iam.proofs.logins import Login
from pilvi.services.iam.proofs.password_policies import PasswordPolicy
from pilvi.services.iam.proofs.passwords import PasswordHash
from pilvi.services.iam.proofs.tries import TriesOf
from pilvi.services.iam.records import User
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    CreateLoginProfileResponse,
    DeleteLoginProfileRequest,
    GetLoginProfileRequest,
    GetLoginProfileResponse,
    LoginProfile,
)
from pilvi.store.api import Snapshot, Transaction

_TRIES = TriesOf(limits.WRONG_TRIES, limits.WRONG_TRIES_MS)


class Seen(NamedTuple):
    user: User
    login: Login | None
    policy: PasswordPolicy | None


def _look(call: Call, at: Snapshot, name: str) -> Seen:
    """Raises: NoSuchEntity."""
    user = records.get_user(at, call.scope, name)
    login = logins.find(at, call.scope, user)
    return Seen(user, login, password_policies.find(at, call.scope))


def _look_again(call: Call, tx: Transaction, seen: Seen, password: str | None) -> Seen:
    """Raises: EntityTemporarilyUnmodifiable, NoSuchEntity, PasswordPolicyViolation."""
    now = _look(call, tx, seen.user.name)
    if (now.user.id, now.login) != (seen.user.id, seen.login):
        raise errors.EntityTemporarilyUnmodifiable(
            detail=f"Login Profile for User {seen.user.name} cannot be modified while login profile is"
            " being modified."
        )
    if password is not None:
        _check(call, tx, now, password)
    return now


def _check(call: Call, at: Snapshot, seen: Seen, password: str) -> None:
    """Raises: PasswordPolicyViolation."""
    alias = aliases.of_account(at, call.scope)
    passwords.check(seen.policy, password, [call.account, *([alias] if alias else [])])


@iam.stream("CreateLoginProfile")
async def create_login_profile(
    call: Call, req: WatchedRequest, body: Body
) -> CreateLoginProfileResponse:
    """Give a user a password.

    Raises: NoSuchEntity, EntityAlreadyExists, PasswordPolicyViolation, ValidationError (no password, or no name and
        the caller is no user), EntityTemporarilyUnmodifiable.
    AWS: CreateLoginProfile.
    """
    name = user_name_of(call, req.get("UserName"))
    password, reset_required = req.get("Password"), req.get("PasswordResetRequired", False)
    refuse_unread(call.cloud.operation(call.service, call.operation), req)
    if password is None:
        raise errors.ValidationError(
            detail="1 validation error detected: Value null at 'password' failed to satisfy constraint:"
            " Member must not be null"
        )

    def look(at: Snapshot) -> Seen:
        seen = _look(call, at, name)
        if seen.login is not None:
            raise errors.EntityAlreadyExists(
                detail=f"Login Profile for user {seen.user.name} already exists."
            )
        _check(call, at, seen, password)
        return seen

    seen = await call.view(look)
    hash_ = await passwords.hashed(password, call.entropy)
    login = Login(
        user_id=seen.user.id,
        password=hash_,
        created_at_ms=call.now_ms,
        changed_at_ms=call.now_ms,
        reset_required=reset_required,
    )

    def create(tx: Transaction) -> None:
        _look_again(call, tx, seen, password)
        logins.put(tx, call.scope, login)

    await call.transact(create)
    return {"LoginProfile": _told(seen.user, login)}


@iam.read("GetLoginProfile")
def get_login_profile(
    call: Call, at: Snapshot, req: GetLoginProfileRequest
) -> GetLoginProfileResponse:
    """Raises: NoSuchEntity, ValidationError. AWS: GetLoginProfile."""
    seen = _look(call, at, user_name_of(call, req.get("UserName")))
    return {"LoginProfile": _told(seen.user, _get(seen))}


@iam.stream("UpdateLoginProfile")
async def update_login_profile(call: Call, req: WatchedRequest, body: Body) -> None:
    """Give a user another password, or let it choose one at its next sign-in.

    Raises: NoSuchEntity, PasswordPolicyViolation, EntityTemporarilyUnmodifiable. AWS: UpdateLoginProfile.
    """
    name, password = req["UserName"], req.get("Password")
    reset_required = req.get("PasswordResetRequired")
    refuse_unread(call.cloud.operation(call.service, call.operation), req)
    seen = await call.view(lambda at: _look(call, at, name))
    _get(seen)
    hash_ = None if password is None else await _fresh_hash(call, seen, password)

    def update(tx: Transaction) -> None:
        now = _look_again(call, tx, seen, password)
        login = _get(now)
        if hash_ is not None:
            _replace(call, now, login, hash_)
        if reset_required is not None:
            login.reset_required = reset_required
        logins.put(tx, call.scope, login)

    await call.transact(update)


@iam.stream("ChangePassword")
async def change_password(call: Call, req: WatchedRequest, body: Body) -> None:
    """The calling user gives itself another password, and proves that it knows the present one.

    After five wrong ones within ten minutes the right one is refused, too.
    Raises: InvalidUserType, NoSuchEntity (the caller has none), AccessDenied (wrong), PasswordPolicyViolation,
        EntityTemporarilyUnmodifiable.
    AWS: ChangePassword.
    """
    old, new = req["OldPassword"], req["NewPassword"]
    refuse_unread(call.cloud.operation(call.service, call.operation), req)
    if not call.principal.arn.partition(":user/")[1]:
        raise errors.InvalidUserType
    name = user_name_of(call, None)
    seen = await call.view(lambda at: _look(call, at, name))
    if seen.user.id != call.principal.id:
        raise errors.NoSuchEntity(detail=f"The user with name {name} cannot be found.")
    login, tries = _get(seen), _TRIES(call.cloud)
    may_try = tries.may_try(seen.user.id, call.now_ms)
    tries.note_wrong(seen.user.id, call.now_ms)  # before it is looked at: others may ask meanwhile
    if not may_try or not await passwords.is_any_of(old, (login.password,)):
        raise errors.OldPasswordWrong
    tries.take_back(seen.user.id, call.now_ms)
    due_ms = password_policies.expires_at_ms(seen.policy, login.changed_at_ms)
    if seen.policy and seen.policy.hard_expiry and due_ms is not None and due_ms <= call.now_ms:
        raise errors.PasswordPolicyViolation(
            detail="Password has expired. Contact your administrator to reset it."
        )
    hash_ = await _fresh_hash(call, seen, new)

    def change(tx: Transaction) -> None:
        now = _look_again(call, tx, seen, new)
        login = _get(now)
        _replace(call, now, login, hash_)
        login.reset_required = False
        logins.put(tx, call.scope, login)

    await call.transact(change)


@iam.write("DeleteLoginProfile")
def delete_login_profile(call: Call, tx: Transaction, req: DeleteLoginProfileRequest) -> None:
    """Raises: NoSuchEntity, ValidationError. AWS: DeleteLoginProfile."""
    user = records.get_user(tx, call.scope, user_name_of(call, req.get("UserName")))
    if logins.delete(tx, call.scope, user) is None:
        raise _missing(user)


async def _fresh_hash(call: Call, seen: Seen, password: str) -> PasswordHash:
    """Raises: PasswordPolicyViolation, also for one of the last passwords that may not be used again."""
    await call.view(lambda at: _check(call, at, seen, password))
    login, prevented = _get(seen), (seen.policy and seen.policy.reuse_prevented) or 0
    if await passwords.is_any_of(password, [login.password, *login.former][:prevented]):
        raise errors.PasswordPolicyViolation(
            detail="Password does not conform to the account password policy: it was used before."
        )
    return await passwords.hashed(password, call.entropy)


def _replace(call: Call, seen: Seen, login: Login, password: PasswordHash) -> None:
    """Keeps invariant 2 of `proofs/logins.py`: the present password counts among those not to be used again."""
    kept = max(((seen.policy and seen.policy.reuse_prevented) or 0) - 1, 0)
    login.former = [login.password, *login.former][:kept]
    login.password, login.changed_at_ms = password, call.now_ms


def _get(seen: Seen) -> Login:
    """Raises: NoSuchEntity."""
    if seen.login is None:
        raise _missing(seen.user)
    return seen.login


def _missing(user: User) -> errors.NoSuchEntity:
    return errors.NoSuchEntity(detail=f"Login Profile for User {user.name} cannot be found.")


def _told(user: User, login: Login) -> LoginProfile:
    return {
        "UserName": user.name,
        "CreateDate": login.created_at_ms,
        "PasswordResetRequired": login.reset_required,
    }
