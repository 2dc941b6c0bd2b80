"""Which code runs when a function is invoked: told from memory while no function changes, since every invocation asks.

Not for: handlers that change something, which ask `records.resolve` in their own transaction.
"""

from __future__ import annotations

from typing import NamedTuple

from pilvi.base.arn import Arn
from pilvi.kit.cloud import Cloud
from pilvi.services.lambda_ import limits, names, records
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.records import Runnable
from pilvi.store.api import Snapshot

_PARTS = 1 << 30


class _Choice(NamedTuple):
    """What a name stands for; `others`: further versions of an alias, each with the share of invocations it gets."""

    runnable: Runnable
    others: tuple[tuple[float, Runnable], ...]


async def runnable_of(cloud: Cloud, name: FunctionName) -> Runnable:
    """The version that an invocation of this name runs now; of an alias with weights, one that is drawn.

    Raises: FunctionNotFound.
    """
    kept = cloud.kept(_load, most=limits.FUNCTIONS_KEPT)
    asked = name.asked_arn
    choice = kept.find(asked) or await kept.get(asked)
    if not choice.others:
        return choice.runnable
    drawn = cloud.entropy.below(_PARTS) / _PARTS
    for weight, other in choice.others:
        drawn -= weight
        if drawn < 0:
            return other
    return choice.runnable


def _load(at: Snapshot, asked_arn: str) -> _Choice:
    """Raises: FunctionNotFound."""
    name = names.parse_function(Arn.parse(asked_arn).scope, asked_arn)
    alias = records.find_alias(at, name)

    def version(number: str) -> Runnable:
        return records.resolve(at, FunctionName(name.scope, name.name, number))

    if alias is None:
        return _Choice(records.resolve(at, name), ())
    others = tuple((weight, version(number)) for number, weight in alias.weights.items())
    return _Choice(version(alias.version), others)
