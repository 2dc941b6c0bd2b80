"""A stream, a mapping of it, and its source, driven step by step inside the test's own process."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import msgspec

from clouds import in_memory
from pilvi.base.arn import Scope
from pilvi.contracts.causes import NO_CAUSE
from pilvi.dispatch.records import HOME, jobs
from pilvi.identity.principal import Principal
from pilvi.services.lambda_.destinations.parcels import Parcel
from pilvi.services.lambda_.mappings import records
from pilvi.services.lambda_.mappings.changes.batches import ChangeBatch
from pilvi.services.lambda_.mappings.changes.kind import KIND
from pilvi.services.lambda_.mappings.changes.source import ChangesSource
from pilvi.services.lambda_.mappings.records import Mapping, Settings
from pilvi.services.lambda_.mappings.source import Answered, Ending, Failed, Refused

ACCOUNT = "000000000001"
SCOPE = Scope(ACCOUNT, "us-east-1")
ROLE = Principal(
    ACCOUNT,
    f"arn:aws:sts::{ACCOUNT}:assumed-role/r/f",
    "AROA:f",
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/r",
    made_up=True,
)
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:given-up"
START_MS = 1_800_000_000_000

Function = Callable[[dict[str, Any]], Any]


class Broken(Exception):
    """What a function raises."""


class Throttled(Exception):
    """What happens instead of an invocation."""


class Stay:
    """Of a process that goes on."""

    leaving = False

    async def until_leaving(self) -> None: ...

    def engaged(self) -> AbstractContextManager[None]:
        return nullcontext()

    def rest_until(self, due_ms: int | None) -> None: ...

    def check(self, tx: Any) -> None: ...


class Driven:
    """Also what a source is opened with (`Polling`)."""

    def __init__(self, path: Path) -> None:
        self.cloud = in_memory(path)
        self.cloud.clock.freeze(START_MS)
        self.scope = SCOPE
        self.stay = Stay()
        self.cause = NO_CAUSE
        self.function_timeout_s = 3
        self.results: list[str] = []
        self.mapping: Mapping
        self.source: ChangesSource

    async def begin(
        self, *, position: str = "TRIM_HORIZON", shards: int = 1, **settings: Any
    ) -> Driven:
        """A table with a stream of so many open shards, and a mapping of it."""
        table = await self.dynamodb(
            "CreateTable",
            TableName="things",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1000 * shards},
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        self.mapping = Mapping(
            uuid="0b0b0b0b-0000-4000-8000-000000000000",
            source_arn=table["TableDescription"]["LatestStreamArn"],
            function_arn=FUNCTION,
            function="f",
            settings=Settings(
                **{
                    "batch_size": 100,
                    "starting_position": position,
                    "parallelization": 1,
                    "bisect": False,
                    "retries_max": -1,
                    "record_age_s_max": -1,
                    "tumbling_window_s": 0,
                    "on_failure": QUEUE,
                    **settings,
                }
            ),
            enabled=True,
            state=records.ENABLED,
            reason="",
            created_ms=START_MS,
            modified_ms=START_MS,
        )
        return self

    async def open(self, **settings: Any) -> Driven:
        """The source anew, as after a crash, or after the settings changed."""
        changed = msgspec.structs.replace(self.mapping.settings, **settings)
        self.mapping = msgspec.structs.replace(self.mapping, settings=changed)
        source = await KIND.open(self)
        assert isinstance(source, ChangesSource)
        self.source = source
        return self

    async def dynamodb(self, operation: str, **params: Any) -> dict[str, Any]:
        return await self.perform("dynamodb", operation, params)

    async def write(self, *names: str, n: int = 0) -> None:
        for name in names:
            item = {"pk": {"S": name}, "n": {"N": str(n)}}
            await self.dynamodb("PutItem", TableName="things", Item=item)

    async def run(self, function: Function, *, most: int = 1000) -> list[dict[str, Any]]:
        """Have the function take what there is now; gives the events that it got."""
        events: list[dict[str, Any]] = []
        while len(events) < most:
            batch = await self.source.take()
            if batch is None:
                break
            events.append(json.loads(batch.payload))
            await self.settle(batch, function)
        return events

    async def settle(self, batch: ChangeBatch, function: Function) -> Ending:
        ending = self.ending_of(batch, function)
        await self.source.settle(batch, ending)
        return ending

    def ending_of(self, batch: ChangeBatch, function: Function) -> Ending:
        try:
            answer = function(json.loads(batch.payload))
        except Throttled:
            return Refused(code="TooManyRequestsException", reason="", throttled=True)
        except Broken as error:
            told = json.dumps({"errorMessage": str(error), "errorType": "Broken"}).encode()
            return Failed(
                payload=told,
                error="Unhandled",
                error_type="Broken",
                request_id="the-request",
                executed_version="$LATEST",
            )
        payload = json.dumps(answer).encode()
        return Answered(payload=payload, request_id="the-request", executed_version="$LATEST")

    async def reading(self) -> None:
        """As the poller does when the source's `wait` is over."""
        await self.source.wait()

    def advance(self, seconds: float) -> None:
        self.cloud.clock.advance(int(seconds * 1000))

    async def close_shards(self) -> None:
        """Five hours pass, which end every shard that has a record; children follow."""
        self.advance(5 * 3600)
        await self.work("roll")

    async def work(self, what: str) -> None:
        """Run the jobs of streams that are due: "roll" closes shards, "trim" removes them."""
        name = f"dynamodbstreams.{what}"
        handler = self.cloud.registrations("dynamodbstreams").jobs[name]
        found = await self.cloud.store.read(lambda at: list(jobs.scan(at, HOME)))
        for record in found:
            if record.job.kind == name and record.due_ms <= self.cloud.clock.now_ms():
                await self._finish(record.job.id, await handler.handle(record.job))

    async def _finish(self, job_id: str, commit: Any) -> None:
        def finish(tx: Any) -> None:
            jobs.delete(tx, HOME, job_id)
            commit(tx)

        await self.cloud.store.write(finish)

    async def pending(self) -> bool:
        return await KIND.pending(self.cloud, SCOPE, self.mapping)

    async def notices(self) -> list[dict[str, Any]]:
        """What is to be sent to the destination of what was given up."""
        found = await self.cloud.store.read(lambda at: list(jobs.scan(at, HOME)))
        sent = [one.job for one in found if one.job.kind == "lambda.send"]
        parcels = [msgspec.msgpack.decode(job.payload, type=Parcel) for job in sent]
        assert all(parcel.arn == self.mapping.settings.on_failure for parcel in parcels)
        return sorted(
            (json.loads(parcel.body) for parcel in parcels), key=lambda body: body["timestamp"]
        )

    # --- Polling

    async def principal(self) -> Principal:
        return ROLE

    async def perform(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        return await self.cloud.perform(
            service, operation, params, scope=SCOPE, principal=ROLE, cause=NO_CAUSE
        )

    def tell(self, tx: Any, result: str, *, resting_until_ms: int = 0) -> None:
        self.results.append(result)

    async def tell_now(self, result: str, *, resting_until_ms: int = 0) -> None:
        self.results.append(result)


def names_of(event: dict[str, Any]) -> list[str]:
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]


def all_names(events: list[dict[str, Any]]) -> list[list[str]]:
    return [names_of(event) for event in events]


def fine(event: dict[str, Any]) -> None: ...


def broken(event: dict[str, Any]) -> None:
    raise Broken


def broken_by(*names: str) -> Function:
    def function(event: dict[str, Any]) -> None:
        if set(names) & set(names_of(event)):
            raise Broken

    return function


def reporting(*names: str) -> Function:
    def function(event: dict[str, Any]) -> Any:
        failures = [
            {"itemIdentifier": record["dynamodb"]["SequenceNumber"]}
            for record in event["Records"]
            if record["dynamodb"]["Keys"]["pk"]["S"] in names
        ]
        return {"batchItemFailures": failures}

    return function
