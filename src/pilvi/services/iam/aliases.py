"""Account aliases: records. A name for an account, unique in the whole cloud; an account has one at most.

Home: as issued credentials, for an alias is looked up without knowing the account.
"""

from __future__ import annotations

import msgspec

from pilvi.base.arn import Scope
from pilvi.services.iam.records import EVERYWHERE
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection


class AccountAlias(msgspec.Struct, kw_only=True):
    alias: str
    account: str


ACCOUNT_ALIASES = Collection(
    "iam.account_alias",
    AccountAlias,
    key=lambda one: (one.alias,),
    indexes={"account": lambda one: (one.account,)},
)


def find(at: Snapshot, alias: str) -> AccountAlias | None:
    return ACCOUNT_ALIASES.find(at, EVERYWHERE, alias)


def of_account(at: Snapshot, scope: Scope) -> str | None:
    found = ACCOUNT_ALIASES.scan_index(at, EVERYWHERE, "account", (scope.account,), limit=1)
    return next((one.alias for one in found), None)
