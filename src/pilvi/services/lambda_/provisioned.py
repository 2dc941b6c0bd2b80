"""Provisioned concurrency: environments that are ready before anybody asks. What is stored, and what it comes to.

A configuration belongs to a version or an alias of a function. Its environments are held by as many residents as there
are processes (`keeping.py`), each of which tells its part of the truth.

Invariants:
1. `Function.provisioned` is the sum of what the function's configurations ask for.
2. A resident whose id is not the configuration's `keeper` has nothing to hold any more.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.contracts.jobs import Job
from pilvi.services.lambda_ import records
from pilvi.services.lambda_.names import FunctionName
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection

TOPIC = "lambda.provisioned"
INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"


class Provisioned(msgspec.Struct, frozen=True, kw_only=True):
    """`qualifier`: of the version or alias. `parts`: how many residents share the work."""

    qualifier: str
    requested: int
    modified_ms: int
    keeper: str
    parts: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one resident holds. `of`: what it was for, see `target`. `failure`: why there are not more."""

    qualifier: str
    number: int
    allocated: int
    of: str
    failure: str | None = None


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """A resident's order."""

    function: str
    qualifier: str
    keeper: str
    part: int


configs = Collection("lambda.provisioned", Provisioned, key=lambda one: (one.qualifier,))
parts = Collection("lambda.provisioned-part", Part, key=lambda one: (one.qualifier, one.number))


class Standing(msgspec.Struct, frozen=True):
    """As the API tells it."""

    allocated: int
    status: str
    failure: str | None


def find(at: Snapshot, name: FunctionName) -> Provisioned | None:
    return configs.find(at, _home(name), str(name.qualifier))


def of_function(at: Snapshot, name: FunctionName) -> Iterator[Provisioned]:
    return configs.scan(at, _home(name))


def standing(at: Snapshot, name: FunctionName, config: Provisioned) -> Standing:
    held = [parts.find(at, _home(name), config.qualifier, number) for number in range(config.parts)]
    there = [part for part in held if part is not None]
    now = target(at, name, config)
    current = len(there) == config.parts and all(part.of == now for part in there)
    allocated = sum(part.allocated for part in there)
    failure = next((part.failure for part in there if part.failure is not None), None)
    if current and failure is not None:
        return Standing(allocated, "FAILED", failure)
    if current and allocated >= config.requested:
        return Standing(allocated, "READY", None)
    return Standing(allocated, "IN_PROGRESS", None)


def target(at: Snapshot, name: FunctionName, config: Provisioned) -> str:
    """Names what environments are to be held: of which versions, and how many."""
    return f"{config.keeper} {shares(at, name, config)}"


def shares(at: Snapshot, name: FunctionName, config: Provisioned) -> list[tuple[str, int]]:
    """By version: of an alias with weights, each gets its part."""
    alias = records.find_alias(at, name)
    if alias is None:
        return [(config.qualifier, config.requested)]
    rest, found = config.requested, list[tuple[str, int]]()
    for version, weight in alias.weights.items():
        share = min(rest, round(config.requested * weight))
        found.append((version, share))
        rest -= share
    return [(alias.version, rest), *found]


def put(tx: Transaction, name: FunctionName, config: Provisioned) -> None:
    """Let a configuration hold from now on, and its residents begin."""
    old = find(tx, name)
    configs.put(tx, _home(name), config)
    _sum_up(tx, name)
    tx.wake(TOPIC)
    if old is not None:
        return
    for number in range(config.parts):
        order = Keep(
            function=name.name, qualifier=config.qualifier, keeper=config.keeper, part=number
        )
        job = Job(
            kind="lambda.keep",
            payload=msgspec.msgpack.encode(order),
            id=f"lambda.keep/{config.keeper}/{number}",
            account=name.scope.account,
            region=name.scope.region,
            lane=config.keeper,
            resident=True,
        )
        tx.at(config.modified_ms, job)


def delete(tx: Transaction, name: FunctionName) -> None:
    """Nothing happens where there is none."""
    config = find(tx, name)
    if config is None:
        return
    home = _home(name)
    for number in range(config.parts):
        parts.delete(tx, home, config.qualifier, number)
    configs.delete(tx, home, config.qualifier)
    _sum_up(tx, name)
    tx.wake(TOPIC)


def _sum_up(tx: Transaction, name: FunctionName) -> None:
    """Keeps invariant 1."""
    function = records.get_function(tx, name)
    total = sum(config.requested for config in of_function(tx, name))
    records.put_function(tx, name.scope, msgspec.structs.replace(function, provisioned=total))


def _home(name: FunctionName) -> records.Key:
    return records.function_home(name.scope, name.name)
