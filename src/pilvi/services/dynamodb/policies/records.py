"""What is stored of a resource's policy, and of which resource an ARN tells it.

A policy goes in the transaction that its table or stream goes in, so a later table of the same name has none.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from pilvi.base.arn import Scope
from pilvi.services.dynamodb.records import scope_home
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection


class PolicyRecord(msgspec.Struct, frozen=True):
    """`label`: of the stream whose policy it is; "" for that of the table.

    `ids`: whom the names of users and roles in it meant when it was put, by their ARNs.
    """

    table: str
    label: str
    text: str
    revision: str
    ids: dict[str, str]


class Place(NamedTuple):
    """A table, or one of its streams by its label, as an ARN names it."""

    scope: Scope
    table: str
    label: str | None

    @property
    def arn(self) -> str:
        account, region, partition = self.scope.account, self.scope.region, self.scope.partition
        arn = f"arn:{partition}:dynamodb:{region}:{account}:table/{self.table}"
        return arn if self.label is None else f"{arn}/stream/{self.label}"


policies = Collection(
    "dynamodb.policy", PolicyRecord, key=lambda policy: (policy.table, policy.label), kept=True
)
"""Home: the scope."""

_ARN = re.compile(
    r"arn:([^:]+):dynamodb:([^:]+):(\d{12}):table/([a-zA-Z0-9_.-]{3,255})"
    r"(?:/index/[^/]+|/stream/([^/]+))?"
)


def find_place(arn: str) -> Place | None:
    """Where the policy of what an ARN names would be; an index has that of its table. None: it can have none."""
    found = _ARN.fullmatch(arn)
    if found is None:
        return None
    partition, region, account, table, label = found.groups()
    return Place(Scope(account, region, partition), table, label)


def find_policy(at: Snapshot, place: Place) -> PolicyRecord | None:
    return policies.find(at, scope_home(place.scope), place.table, place.label or "")


def drop_policy(tx: Transaction, place: Place) -> None:
    """Well also where there is none."""
    if find_policy(tx, place) is not None:
        policies.delete(tx, scope_home(place.scope), place.table, place.label or "")
