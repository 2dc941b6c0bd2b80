"""What comes of batches: answers that name failures; and no record is left out or handled twice, whatever happens."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pilvi.services.lambda_.mappings.changes import rules
from pilvi.services.lambda_.mappings.changes.batches import ChangeBatch

from .driving import Driven, Throttled, broken, fine


# Answers as recorded from AWS: which say that all is well, which that nothing is, and where the batch is cut.
@pytest.mark.parametrize(
    ("answer", "place"),
    [
        (None, None),
        ("", None),
        ({}, None),
        ([], None),
        ({"batchItemFailures": []}, None),
        ({"batchItemFailures": None}, None),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, 0),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, 0),
        ({"batchItemFailures": [{"foo": "2"}]}, 0),
        ({"batchItemFailures": [{"foo": None}]}, 0),
        ({"batchItemFailures": [{"itemIdentifier": "9"}]}, 0),
        ({"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "9"}]}, 0),
        ({"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "2"}]}, 1),
        ({"batchItemFailures": [{"itemIdentifier": "1"}]}, 0),
        ({"batchItemFailures": "3"}, 0),
        ([1], 0),
        ("no", 0),
    ],
)
def test_answers(answer: Any, place: int | None) -> None:
    assert rules.first_failed(json.dumps(answer).encode(), ["1", "2", "3"]) == place


ITEMS = ("a", "b", "c", "d")
STEPS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(ITEMS)),
    st.tuples(st.just("take"), st.none()),
    st.tuples(st.just("settle"), st.sampled_from(["fine", "broken", "throttled", 1, 2])),
    st.tuples(st.just("crash"), st.integers(1, 3)),
    st.tuples(st.just("advance"), st.sampled_from([1, 60])),
    st.tuples(st.just("close_shards"), st.none()),
)


class Told:
    """What the mapping is known to have handled, against what was written."""

    def __init__(self, driven: Driven) -> None:
        self.driven = driven
        self.written: list[tuple[str, str]] = []
        self.done: list[tuple[str, str]] = []
        self.taken: list[ChangeBatch] = []
        self.notices = 0

    async def write(self, name: str) -> None:
        await self.driven.write(name, n=len(self.written))
        self.written.append((name, str(len(self.written))))

    async def take(self) -> bool:
        if len(self.taken) < self.driven.source.concurrency_max:
            batch = await self.driven.source.take()
            if batch is not None:
                self.taken.append(batch)
                return True
        return False

    async def settle(self, how: str | int) -> None:
        if not self.taken:
            return
        batch = self.taken.pop(len(self.written) % len(self.taken))
        found = _records(batch)
        await self.driven.settle(batch, _function(how, batch))
        notices = len(await self.driven.notices())
        if how == "fine" or notices > self.notices:
            self._note(found)
        elif isinstance(how, int):
            self._note(found[: how if how < len(found) else 0])
        self.notices = notices

    def _note(self, found: list[tuple[str, str]]) -> None:
        for record in found:
            name = record[0]
            of_item = [one for one in self.written if one[0] == name]
            assert record == of_item[len([one for one in self.done if one[0] == name])]
            self.done.append(record)

    async def crash(self, lanes: int) -> None:
        self.taken.clear()
        await self.driven.open(parallelization=lanes)


def _records(batch: ChangeBatch) -> list[tuple[str, str]]:
    images = (record["dynamodb"]["NewImage"] for record in json.loads(batch.payload)["Records"])
    return [(image["pk"]["S"], image["n"]["N"]) for image in images]


def _function(how: str | int, batch: ChangeBatch) -> Any:
    if how == "fine":
        return fine
    if how == "broken":
        return broken
    if isinstance(how, int):
        at = min(how, len(batch.changes) - 1) if how < len(batch.changes) else 0
        failed = {"itemIdentifier": batch.changes[at].sequence}
        return lambda event: {"batchItemFailures": [failed]}
    return _throttled


def _throttled(event: dict[str, Any]) -> None:
    raise Throttled


async def _play(path: Path, steps: list[tuple[str, Any]], chosen: dict[str, Any]) -> None:
    driven = Driven(path)
    await driven.begin(response_types=("ReportBatchItemFailures",), **chosen)
    await driven.open()
    told = Told(driven)
    for place, (step, argument) in enumerate(steps):
        if step == "advance":
            driven.advance(argument)
            continue
        if step == "take":
            await told.take()
        elif step == "close_shards":
            if steps[:place].count((step, argument)) < 3:  # after a day records would be gone
                await driven.close_shards()
        else:
            await getattr(told, step)(argument)
    await told.crash(1)
    for _ in range(100):
        while await told.take():
            await told.settle("fine")
        if driven.source.due_ms is None:
            break
        driven.advance(60)
    assert sorted(told.done) == sorted(told.written)
    assert not await driven.pending()


# Whatever fails, is throttled, crashes and is divided anew: each record is handled or given up once, those of an item
# in their order; and in the end there is nothing left to do.
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(STEPS, max_size=40),
    st.fixed_dictionaries(
        {
            "batch_size": st.integers(1, 4),
            "parallelization": st.integers(1, 3),
            "bisect": st.booleans(),
            "retries_max": st.sampled_from([-1, 0, 1]),
        }
    ),
)
def test_every_record_once(steps: list[tuple[str, Any]], chosen: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as path:
        asyncio.run(_play(Path(path), steps, chosen))
