"""Residents that hold provisioned environments: made before anybody asks, made again when they end.

There is a resident for each worker, with its part of the environments. Those of one configuration are spread over the
workers; where one dies another takes its part over, until there is one in its place. Invocations that are more than a
worker's part run on demand.
AWS: Lambda Developer Guide, "Configuring provisioned concurrency for a function".
"""

from __future__ import annotations

import asyncio

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job, Stay
from pilvi.kit.cloud import Cloud
from pilvi.services.lambda_ import provisioned, records
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.provisioned import TOPIC, Keep, Part, Provisioned
from pilvi.services.lambda_.questions import runner_of
from pilvi.services.lambda_.records import Runnable
from pilvi.services.lambda_.service import lambda_
from pilvi.store.api import Snapshot, Transaction

_LOOK_S = 15.0
"""How often it looks for environments that ended, and for credentials that were renewed."""


class _Wanted(msgspec.Struct, frozen=True):
    config: Provisioned
    of: str
    versions: list[tuple[Runnable, int]]
    """What this resident is to hold."""
    told: Part | None


async def _pending(cloud: Cloud, job: Job) -> bool:
    """Whether there is something to make."""
    order, name = _read(job)
    wanted = await cloud.store.read(lambda at: _look(at, order, name))
    return wanted is None or wanted.told is None or wanted.told.of != wanted.of


@lambda_.resident("keep", pending=_pending)
async def keep(cloud: Cloud, job: Job, stay: Stay) -> Commit | None:
    """Hold environments until the configuration is gone, or another process is to hold them."""
    order, name = _read(job)
    runner, owner = runner_of(cloud), job.id
    leaving = asyncio.create_task(stay.until_leaving())
    first = True
    try:
        while not stay.leaving:
            waiting = asyncio.ensure_future(cloud.store.wait(TOPIC, _LOOK_S))
            with stay.engaged():
                wanted = await cloud.store.read(lambda at: _look(at, order, name))
                if wanted is None:
                    waiting.cancel()
                    return lambda tx: None
                if first and wanted.told is not None:
                    # What the process before us held is gone with it.
                    await cloud.store.write(_telling(stay, name, order, wanted, 0, None, of=""))
                first = False
                held, failure = 0, None
                try:
                    now = await runner.provision(owner, name.scope, wanted.versions)
                    held, failure = now.held, now.failure
                except AwsError as error:
                    failure = error.code
                told = Part(
                    qualifier=order.qualifier,
                    number=order.part,
                    allocated=held,
                    of=wanted.of,
                    failure=failure,
                )
                if told != wanted.told:
                    await cloud.store.write(_telling(stay, name, order, wanted, held, failure))
            await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        return None
    finally:
        leaving.cancel()
        await runner.provision(owner, name.scope, [])


def _telling(
    stay: Stay,
    name: FunctionName,
    order: Keep,
    wanted: _Wanted,
    held: int,
    failure: str | None,
    *,
    of: str | None = None,
) -> Commit:
    part = Part(
        qualifier=order.qualifier,
        number=order.part,
        allocated=held,
        of=wanted.of if of is None else of,
        failure=failure,
    )

    def tell(tx: Transaction) -> None:
        stay.check(tx)
        config = provisioned.find(tx, name)
        if config is not None and config.keeper == order.keeper:  # invariant 2
            home = records.function_home(name.scope, name.name)
            provisioned.parts.put(tx, home, part)

    return tell


def _read(job: Job) -> tuple[Keep, FunctionName]:
    order = msgspec.msgpack.decode(job.payload, type=Keep)
    return order, FunctionName(Scope(job.account, job.region), order.function, order.qualifier)


def _look(at: Snapshot, order: Keep, name: FunctionName) -> _Wanted | None:
    """None: there is nothing to hold any more."""
    config = provisioned.find(at, name)
    if config is None or config.keeper != order.keeper:
        return None
    versions: list[tuple[Runnable, int]] = []
    for version, count in provisioned.shares(at, name, config):
        runnable = records.resolve(at, FunctionName(name.scope, name.name, version))
        versions.append((runnable, _part_of(count, order.part, config.parts)))
    home = records.function_home(name.scope, name.name)
    told = provisioned.parts.find(at, home, config.qualifier, order.part)
    return _Wanted(config, provisioned.target(at, name, config), versions, told)


def _part_of(count: int, part: int, parts: int) -> int:
    return count // parts + (part < count % parts)
