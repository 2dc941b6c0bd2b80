"""The account's alias: create, list, delete."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.iam import aliases, errors
from pilvi.services.iam.aliases import ACCOUNT_ALIASES, AccountAlias
from pilvi.services.iam.records import EVERYWHERE
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    CreateAccountAliasRequest,
    DeleteAccountAliasRequest,
    ListAccountAliasesRequest,
    ListAccountAliasesResponse,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("CreateAccountAlias")
def create_account_alias(call: Call, tx: Transaction, req: CreateAccountAliasRequest) -> None:
    """Give the account an alias, in place of the one it may have.

    Raises: EntityAlreadyExists (some account has it), InvalidInput (twelve digits are an account's id).
    AWS: CreateAccountAlias; IAM User Guide, "Your AWS account ID and its alias".
    """
    alias = req["AccountAlias"]
    if len(alias) == 12 and alias.isdigit():
        raise errors.InvalidInput(detail="The account alias must not be a 12-digit number.")
    if aliases.find(tx, alias) is not None:
        raise errors.EntityAlreadyExists(detail=f"The account alias {alias} already exists.")
    former = aliases.of_account(tx, call.scope)
    if former is not None:
        ACCOUNT_ALIASES.delete(tx, EVERYWHERE, former)
    ACCOUNT_ALIASES.put(tx, EVERYWHERE, AccountAlias(alias=alias, account=call.account))


@iam.write("DeleteAccountAlias")
def delete_account_alias(call: Call, tx: Transaction, req: DeleteAccountAliasRequest) -> None:
    """Raises: NoSuchEntity, also for another account's. AWS: DeleteAccountAlias."""
    alias = req["AccountAlias"]
    if aliases.of_account(tx, call.scope) != alias:
        raise errors.NoSuchEntity(detail=f"The account alias with name {alias} cannot be found.")
    ACCOUNT_ALIASES.delete(tx, EVERYWHERE, alias)


@iam.read("ListAccountAliases")
def list_account_aliases(
    call: Call, at: Snapshot, req: ListAccountAliasesRequest
) -> ListAccountAliasesResponse:
    """The one alias, or none: always one page. AWS: ListAccountAliases."""
    alias = aliases.of_account(at, call.scope)
    return {"AccountAliases": [] if alias is None else [alias], "IsTruncated": False}
