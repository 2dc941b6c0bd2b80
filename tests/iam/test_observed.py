"""What principals did: counted in memory, merged in the store, bounded, and never left out where it can be folded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilvi.app import QUESTIONS, SERVICES
from pilvi.base.arn import Scope
from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.base.errors import AwsError
from pilvi.contracts.advice import Advice
from pilvi.contracts.causes import NO_CAUSE
from pilvi.contracts.credentials import Session
from pilvi.contracts.delivery import Source
from pilvi.contracts.facts import Fact
from pilvi.contracts.jobs import Job
from pilvi.contracts.observations import (
    ALLOWED,
    DENIED,
    LET_PASS,
    UNASKED,
    Asker,
    Observations,
    Refusal,
    Remedy,
)
from pilvi.identity.principal import Principal
from pilvi.kit.cloud import Cloud
from pilvi.kit.settings import Settings
from pilvi.services.iam.observed import IamObservations, last_used, memory, records
from pilvi.services.iam.observed.folding import ancestors, fold, parent
from pilvi.services.iam.observed.records import Observed
from pilvi.services.iam.workers import forget
from pilvi.store.api import Snapshot, StoreUnavailable, Transaction
from pilvi.store.blobs import Blobs
from pilvi.store.memory import MemoryStore
from pilvi.store.sealing import RootKeySource, Sealer

ACCOUNT = "123456789012"
ANN = Asker(ACCOUNT, "AIDAANN", f"arn:aws:iam::{ACCOUNT}:user/ann")
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/visits"
DAY_MS = 24 * 60 * 60 * 1000


class Jobs:
    """An outbox that remembers the timers."""

    def __init__(self) -> None:
        self.timers: list[tuple[int, Job]] = []

    def emit(self, tx: Transaction, fact: Fact) -> None:
        raise AssertionError(fact)

    def deliver(self, tx: Transaction, arn: str, payload: bytes, source: Source) -> None:
        raise AssertionError(arn)

    def at(self, tx: Transaction, due_ms: int, job: Job) -> None:
        self.timers.append((due_ms, job))


def _cloud(path: Path, **settings: str) -> Cloud:
    store, entropy = MemoryStore(), Entropy(seed=1)
    store.outbox = Jobs()
    cloud = Cloud(
        Settings(data=path, **settings),  # type: ignore[arg-type]
        store=store,
        blobs=Blobs(path, store, entropy=entropy),
        clock=Clock(),
        entropy=entropy,
        services=SERVICES,
        questions=QUESTIONS,
    )
    cloud.bind(Sealer, Sealer(RootKeySource(None), entropy))
    return cloud


def _run(path: Path, story: Callable[[Cloud], Awaitable[None]], **settings: str) -> None:
    async def run() -> None:
        await story(_cloud(path, **settings))

    asyncio.run(run())


async def _all(cloud: Cloud, asker: Asker = ANN) -> list[Observed]:
    return await cloud.store.read(lambda at: list(records.observed_of(at, asker.account, asker.id)))


def _note(observer: IamObservations, resource: str, at_ms: int = 1, **more: object) -> None:
    context = more.pop("context", {})
    assert isinstance(context, dict)
    observer.note(ANN, "s3:GetObject", resource, ALLOWED, "us-east-1", at_ms, context)


# Two workers count the same thing: the store has the sum, the first time and the last.
def test_increments_of_several_workers_merge(tmp_path: Path) -> None:
    async def story(cloud: Cloud) -> None:
        one, other = IamObservations(cloud), IamObservations(cloud)
        for at_ms in (5, 6, 7):
            _note(one, "arn:aws:s3:::b/k", at_ms)
        _note(other, "arn:aws:s3:::b/k", 3)
        await asyncio.gather(one.flush(), other.flush())
        _note(one, "arn:aws:s3:::b/k", 9)
        await one.flush()
        (found,) = await _all(cloud)
        assert (found.count, found.first_ms, found.last_ms) == (5, 3, 9)
        seen = await cloud.store.read(lambda at: records.find_seen(at, ACCOUNT, ANN.id))
        assert seen is not None
        assert (seen.last_ms, seen.pairs) == (9, 1)

    _run(tmp_path, story)


# Conditions are kept where every request had them and they are few; else nothing is claimed.
def test_conditions_are_what_all_requests_had(tmp_path: Path) -> None:
    async def story(cloud: Cloud) -> None:
        observer = IamObservations(cloud)
        for prefix in ("b", "a"):
            _note(observer, "x", context={"s3:prefix": (prefix,), "s3:delimiter": ("/",)})
        await observer.flush()
        assert (await _all(cloud))[0].conditions == {"s3:prefix": ("a", "b")}
        _note(observer, "x")
        await observer.flush()
        assert (await _all(cloud))[0].conditions == {"s3:prefix": ()}
        _note(observer, "x", context={"s3:prefix": ("c",)})
        await observer.flush()
        assert (await _all(cloud))[0].conditions == {"s3:prefix": ()}
        for number in range(11):
            _note(observer, "y", context={"s3:prefix": (str(number),)})
        await observer.flush()
        assert (await _all(cloud))[1].conditions == {"s3:prefix": ()}

    _run(tmp_path, story)


# A thousand objects are too many for one principal: they become patterns, and each is still covered.
def test_many_resources_become_patterns(tmp_path: Path) -> None:
    async def story(cloud: Cloud) -> None:
        observer = IamObservations(cloud)
        objects = [f"arn:aws:s3:::photos/album{n % 3}/{n:04d}.jpg" for n in range(1100)]
        for resource in objects:
            _note(observer, resource)
        _note(observer, "arn:aws:s3:::other/one")
        await observer.flush()
        found = await _all(cloud)
        assert len(found) <= records.PAIRS_MAX
        assert sum(one.count for one in found) == 1101
        assert "arn:aws:s3:::other/one" in {one.resource for one in found}
        known = {one.resource for one in found}
        for resource in objects:
            assert known & {resource, *ancestors(resource)}, resource
        assert not known & {"*", "arn:aws:s3:::*"}, "wider than needed"
        # What comes later under a pattern is counted there.
        pattern = next(one for one in found if one.pattern)
        _note(observer, f"{pattern.resource[:-1]}later.jpg")
        await observer.flush()
        again = {one.resource: one.count for one in await _all(cloud)}
        assert again[pattern.resource] == pattern.count + 1
        seen = await cloud.store.read(lambda at: records.find_seen(at, ACCOUNT, ANN.id))
        assert seen is not None
        assert seen.pairs == len(again)

    _run(tmp_path, story)


# Too much at once is folded in memory already; the counts stay right.
def test_a_flood_is_bounded_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "TALLIES_MAX", 10)

    async def story(cloud: Cloud) -> None:
        observer = IamObservations(cloud)
        for number in range(50):
            _note(observer, f"arn:aws:s3:::b/{number}")
            _note(observer, f"arn:aws:s3:::c{number}/k")
        await observer.flush()
        found = await _all(cloud)
        assert sum(one.count for one in found) == 100
        assert len(found) <= 21

    _run(tmp_path, story)


# Once there is a pattern, what lies under it is counted there at once, and costs the store one record.
def test_known_patterns_spare_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "PAIRS_MAX", 20)
    monkeypatch.setattr(records, "PAIRS_LEFT", 10)

    async def story(cloud: Cloud) -> None:
        observer = IamObservations(cloud)
        for number in range(30):
            _note(observer, f"arn:aws:s3:::b/{number}")
        await observer.flush()
        for number in range(500):
            _note(observer, f"arn:aws:s3:::b/later/{number}")
        assert len(observer._tallies) == 1
        await observer.flush()
        (one,) = await _all(cloud)
        assert (one.resource, one.pattern, one.count) == ("arn:aws:s3:::b/*", True, 530)

    _run(tmp_path, story)


# A policy that is wider than what was done, because that was too much to keep, says so.
def test_patterns_are_told_as_wider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "PAIRS_MAX", 5)
    monkeypatch.setattr(records, "PAIRS_LEFT", 1)

    async def story(cloud: Cloud) -> None:
        role = f"arn:aws:iam::{ACCOUNT}:role/made-up"
        observations = cloud.ask(Observations)
        for number in range(6):
            asker = Asker(ACCOUNT, role, role)
            resource = f"arn:aws:s3:::b*/{number}"
            observations.note(asker, "s3:GetObject", resource, ALLOWED, "us-east-1", 1, {})
        made = await cloud.ask(Advice).generate(
            ACCOUNT, "role", "made-up", since_ms=0, wildcards=False
        )
        (policy,) = made["policies"]
        assert policy["Statement"][0]["Resource"] == "arn:aws:s3:::b${*}/*"
        assert made["widened"] == ["s3:GetObject on arn:aws:s3:::b*/*"]
        assert made["failed"] == []

    _run(tmp_path, story)


# A store that refuses loses nothing: it is counted the next time, together with what came since.
def test_a_failing_store_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(cloud: Cloud) -> None:
        observer = IamObservations(cloud)

        async def full(*_: object, **__: object) -> None:
            raise StoreUnavailable(reason="the disk is full")

        _note(observer, "x", 1)
        observer.note_key("AKIA", "s3:GetObject", "us-east-1", 1)
        with monkeypatch.context() as patched:
            patched.setattr(cloud.store, "write", full)
            with pytest.raises(StoreUnavailable):
                await observer.flush()
        _note(observer, "x", 2)
        await observer.flush()
        (one,) = await _all(cloud)
        assert (one.count, one.first_ms, one.last_ms) == (2, 1, 2)
        assert await cloud.store.read(lambda at: last_used(at, "AKIA")) is not None

    _run(tmp_path, story)


# A refusal is kept with what would mend it, whatever bytes the request was made of; the oldest make room.
def test_refusals_are_kept_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "REFUSALS_MAX", 5)

    def refusal(number: int, resource: str) -> Refusal:
        remedy = Remedy(f"add to {resource}", {"Resource": resource})
        lines = (f"may not on {resource}",)
        return Refusal(
            f"r{number}", number, ANN, "s3:GetObject", resource, DENIED, "r", lines, (remedy,)
        )

    async def story(cloud: Cloud) -> None:
        observer = IamObservations(cloud)
        for number in range(12):
            observer.note_refusal(refusal(number, f"arn:\udcff\n{number}"))
        await observer.flush()

        def kept(at: Snapshot) -> list[str]:
            return [f"r{n}" for n in range(12) if records.refusals_of(at, f"r{n}")]

        assert await cloud.store.read(kept) == ["r7", "r8", "r9", "r10", "r11"]
        observer.note_refusal(refusal(99, "x" * 1_000_000))  # it is in the log only
        await observer.flush()
        assert await cloud.store.read(lambda at: records.refusals_of(at, "r99")) == []

    _run(tmp_path, story)


# Names are looked at before they are validated: what is no text, or endless, must not stop the rest.
def test_names_that_are_no_names(tmp_path: Path) -> None:
    async def story(cloud: Cloud) -> None:
        observer = IamObservations(cloud)
        for resource in ("arn:aws:s3:::b/\udcff\x00", "arn:aws:s3:::b/" + "x" * 100_000, ""):
            _note(observer, resource, context={"s3:prefix": ("\udcff", "y" * 100_000)})
        await observer.flush()
        found = await _all(cloud)
        assert len(found) == 3
        assert max(len(one.resource) for one in found) <= 1024

    _run(tmp_path, story)


# Every decision is noted: root's, a user's denied ones, a role's under its own name; keys by their last use.
def test_every_decision_is_noted(tmp_path: Path) -> None:
    async def story(cloud: Cloud) -> None:
        async def ask(principal: Principal, service: str, operation: str, **params: str) -> None:
            scope = Scope(ACCOUNT, "eu-north-1")
            with suppress(AwsError):
                await cloud.perform(
                    service, operation, params, scope=scope, principal=principal, cause=NO_CAUSE
                )

        root = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "AKIAROOT", is_root=True)
        role_arn = f"arn:aws:iam::{ACCOUNT}:role/app/worker"
        session = Principal(
            ACCOUNT,
            f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/s1",
            "AROAWORKER:s1",
            "ASIAWORKER",
            role_arn=role_arn,
            session_name="s1",
            session=Session(issued_at_ms=1),
        )
        await ask(root, "dynamodb", "DescribeTable", TableName="visits")
        await ask(session, "dynamodb", "DescribeTable", TableName="visits")
        await ask(session, "sts", "GetCallerIdentity")
        await cloud.ask(Observations).flush()
        table = f"arn:aws:dynamodb:eu-north-1:{ACCOUNT}:table/visits"
        (one,) = await _all(cloud, Asker(ACCOUNT, ACCOUNT, ""))
        assert (one.action, one.resource, one.outcome) == ("dynamodb:DescribeTable", table, ALLOWED)
        outcome = {"enforce": DENIED, "audit": LET_PASS, "off": ALLOWED}[cloud.settings.iam]
        found = await _all(cloud, Asker(ACCOUNT, "AROAWORKER", role_arn))
        assert [(one.action, one.outcome) for one in found] == [
            ("dynamodb:DescribeTable", outcome),
            ("sts:GetCallerIdentity", UNASKED),
        ]

        def keys(at: object) -> list[str | None]:
            uses = [last_used(at, key) for key in ("AKIAROOT", "ASIAWORKER")]  # type: ignore[arg-type]
            return [None if use is None else f"{use.service} {use.region}" for use in uses]

        assert await cloud.store.read(keys) == ["dynamodb eu-north-1", None]

    for mode in ("enforce", "audit", "off"):
        _run(tmp_path, story, iam=mode)


# After 400 days without a repetition an observation is forgotten, and the principal with its last one.
def test_old_observations_expire(tmp_path: Path) -> None:
    async def story(cloud: Cloud) -> None:
        observer = IamObservations(cloud)
        cloud.clock.freeze(1000 * DAY_MS)
        _note(observer, "old", cloud.clock.now_ms())
        observer.note_key("AKIAOLD", "s3:GetObject", "us-east-1", cloud.clock.now_ms())
        await observer.flush()
        jobs = cloud.store.outbox
        assert isinstance(jobs, Jobs)
        ((due_ms, job),) = jobs.timers
        cloud.clock.advance(200 * DAY_MS)
        _note(observer, "young", cloud.clock.now_ms())
        await observer.flush()

        async def sweep(at_ms: int) -> set[str]:
            cloud.clock.freeze(at_ms)
            commit = await forget(cloud, job)
            await cloud.store.write(commit)
            return {one.resource for one in await _all(cloud)}

        assert await sweep(due_ms - DAY_MS - 1) == {"old", "young"}
        assert await sweep(due_ms) == {"young"}
        assert await cloud.store.read(lambda at: last_used(at, "AKIAOLD")) is None
        assert await sweep(due_ms + 200 * DAY_MS) == set()
        assert await cloud.store.read(lambda at: list(records.all_seen(at))) == []

    _run(tmp_path, story)


# A new principal takes the place of the one that was silent longest.
def test_principals_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "PRINCIPALS_MAX", 3)

    async def story(cloud: Cloud) -> None:
        observer = IamObservations(cloud)
        for number in (4, 2, 9, 5):
            asker = Asker(ACCOUNT, f"AIDA{number}", "arn")
            observer.note(asker, "a:B", "*", ALLOWED, "r", number, {})
            await observer.flush()
        found = await cloud.store.read(lambda at: [s.asker.id for s in records.all_seen(at)])
        assert found == ["AIDA4", "AIDA5", "AIDA9"]
        assert await _all(cloud, Asker(ACCOUNT, "AIDA2", "")) == []

    _run(tmp_path, story)


_RESOURCES = st.lists(
    st.sampled_from(["a", "b", "/", ":", "arn:aws:s3:::", "*"]), min_size=1, max_size=8
).map("".join)


# Whatever is folded: everything is covered by what it became, and there are no more than asked for.
@given(st.sets(_RESOURCES, max_size=40), st.integers(1, 20))
def test_folding_covers_everything(resources: set[str], most: int) -> None:
    pairs = [("s3:GetObject", ALLOWED, "r", one, False) for one in resources]
    became = fold(pairs, most)
    assert set(became) == set(pairs)
    assert len(set(became.values())) <= most
    for before, after in became.items():
        if after != before:
            assert after[4]
            assert after[3].endswith("*")
            assert before[3].startswith(after[3][:-1])


# Step by step towards the root, and there it ends.
def test_parents_of_an_index() -> None:
    steps = [f"{TABLE}/index/by-day"]
    while (above := parent(steps[-1], pattern=len(steps) > 1)) is not None:
        steps.append(above)
    base = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:"
    assert steps[1:] == [f"{TABLE}/index/*", f"{TABLE}/*", f"{base}table/*", f"{base}*", "*"]
