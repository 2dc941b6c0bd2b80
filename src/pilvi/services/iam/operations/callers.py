"""Whom a request means: the caller, where it names no user; or whom an ARN names."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.iam import errors, records
from pilvi.services.iam.records import USERS, Entity, Root, User
from pilvi.services.iam.simulation.requests import Caller, caller_named
from pilvi.store.api import Snapshot


def user_name_of(call: Call, given: str | None) -> str:
    """The user a request names, else the calling user.

    Raises: ValidationError when the caller is no user.
    """
    if given is not None:
        return given
    principal = call.principal
    if not principal.arn.partition(":user/")[1]:
        raise errors.ValidationError(
            detail="Must specify userName when calling with non-User credentials"
        )
    return principal.arn.rpartition("/")[2]


def holder_of(call: Call, at: Snapshot, given: str | None) -> User | Root:
    """As `user_name_of`, the user itself; root is meant when it names nobody, or "root" and no user is called so.

    Raises: NoSuchEntity; ValidationError when no user is named and the caller is none.
    """
    if call.principal.is_root and given in (None, "root"):
        named = None if given is None else USERS.find(at, records.home_of(call.scope), given)
        return named or records.get_root(at, call.scope)
    return records.get_user(at, call.scope, user_name_of(call, given))


def entity_of(call: Call, at: Snapshot, arn: str) -> tuple[Caller, Entity]:
    """The user, role or group of the account under exactly this ARN. Raises: InvalidInput, NoSuchEntity."""
    named = caller_named(arn)
    entity = records.get_entity(at, call.scope, named.kind, named.name)
    if records.arn_of(call.scope, named.kind, entity) != arn:
        raise errors.NoSuchEntity(
            detail=f"The {named.kind} with name {named.name} cannot be found."
        )
    return named, entity
