"""What is stored of observations, and how new ones are merged in.

Everything lies at one place, whatever the account, so that one sweep finds what is old. Bounds: PRINCIPALS_MAX
principals of an account (the one that was silent longest makes room), PAIRS_MAX pairs of each (resources become
patterns), REFUSALS_MAX refusals, and KEPT_MS for all.

Invariant: `Seen.pairs` is the number of `iam.observed` records of the principal, `Seen.folded` whether any of them is a
pattern.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from pilvi.contracts.jobs import Job
from pilvi.contracts.observations import Asker, LastUse, Refusal, Remedy
from pilvi.services.iam.observed.folding import Pair, ancestors, fold, mixed_all
from pilvi.services.iam.observed.tally import Tally, mixed, storable
from pilvi.services.iam.records import EVERYWHERE
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key

PRINCIPALS_MAX = 5000
PAIRS_MAX = 250
PAIRS_LEFT = 150
"""How many are left when they become patterns, so that it is not done for every new one."""
REFUSALS_MAX = 2000
DAY_MS = 24 * 60 * 60 * 1000
KEPT_MS = 400 * DAY_MS
SWEEP_BATCH = 500

_T = TypeVar("_T", "Seen", "Observed", "KeyUse")

TallyKey = tuple[str, str, str, str, str]
"""(principal id, action, resource, outcome, region)."""


class Seen(msgspec.Struct, kw_only=True):
    """A principal that did something. `last_ms`: when it last asked for anything, allowed or not."""

    asker: Asker
    last_ms: int
    last_region: str
    pairs: int = 0
    folded: bool = False


class Observed(msgspec.Struct, kw_only=True):
    """One action on one resource, or on those that a pattern covers. `conditions`: see `tally.Conditions`."""

    account: str
    principal_id: str
    action: str
    resource: str
    pattern: bool
    outcome: str
    region: str
    count: int
    first_ms: int
    last_ms: int
    conditions: dict[str, tuple[str, ...]] = {}
    remedies: tuple[Remedy, ...] = ()

    @property
    def pair(self) -> Pair:
        return (self.action, self.outcome, self.region, self.resource, self.pattern)


class KeyUse(msgspec.Struct, kw_only=True):
    access_key_id: str
    last: LastUse


def _seen_key(seen: Seen) -> Key:
    return (seen.asker.account, seen.asker.id)


def _observed_key(one: Observed) -> Key:
    return (one.account, one.principal_id, *one.pair[:4], int(one.pattern))


def _day(at_ms: int) -> Key:
    return (at_ms // DAY_MS,)


SEEN = Collection("iam.seen", Seen, key=_seen_key, indexes={"day": lambda one: _day(one.last_ms)})
OBSERVED = Collection(
    "iam.observed", Observed, key=_observed_key, indexes={"day": lambda one: _day(one.last_ms)}
)
KEY_USES = Collection(
    "iam.keyuse",
    KeyUse,
    key=lambda use: (use.access_key_id,),
    indexes={"day": lambda use: _day(use.last.at_ms)},
)
REFUSALS = Collection(
    "iam.refusal",
    Refusal,
    key=lambda one: (one.request_id, one.action, one.resource),
    indexes={"time": lambda one: (one.at_ms,)},
)


# --- asking


def last_used(at: Snapshot, access_key_id: str) -> LastUse | None:
    """When a lasting key was last used for anything; what happened in the last seconds may be missing."""
    use = KEY_USES.find(at, EVERYWHERE, access_key_id)
    return None if use is None else use.last


def find_seen(at: Snapshot, account: str, principal_id: str) -> Seen | None:
    """When and where a principal last asked for anything."""
    return SEEN.find(at, EVERYWHERE, account, principal_id)


def observed_of(at: Snapshot, account: str, principal_id: str) -> Iterator[Observed]:
    return OBSERVED.scan(at, EVERYWHERE, (account, principal_id))


def all_seen(at: Snapshot, account: str | None = None) -> Iterator[Seen]:
    return SEEN.scan(at, EVERYWHERE, () if account is None else (account,))


def refusals_of(at: Snapshot, request_id: str) -> list[Refusal]:
    """Everything that one request was refused, the oldest first."""
    found = REFUSALS.scan(at, EVERYWHERE, (request_id,))
    return sorted(found, key=lambda one: one.at_ms)


# --- merging


def merge(tx: Transaction, tallies: Sequence[tuple[TallyKey, Tally]]) -> set[TallyKey]:
    """Add what one process counted to what is known. Gives the patterns that now stand for some of it."""
    patterns: set[TallyKey] = set()
    groups: dict[tuple[str, str], list[tuple[TallyKey, Tally]]] = defaultdict(list)
    for key, tally in tallies:
        groups[tally.asker.account, tally.asker.id].append((key, tally))
    for (account, principal_id), group in groups.items():
        latest_key, latest = max(group, key=lambda item: item[1].last_ms)
        seen = SEEN.find(tx, EVERYWHERE, account, principal_id)
        if seen is None:
            _make_room(tx, account)
            seen = Seen(asker=latest.asker, last_ms=latest.last_ms, last_region=latest_key[4])
        elif latest.last_ms >= seen.last_ms:
            seen.asker, seen.last_ms, seen.last_region = (
                latest.asker,
                latest.last_ms,
                latest_key[4],
            )
        for key, tally in group:
            place = _add(tx, seen, key, tally)
            if place.pattern:
                patterns.add(_tally_key(place))
        if seen.pairs > PAIRS_MAX:
            patterns.update(map(_tally_key, _fold(tx, seen)))
        SEEN.put(tx, EVERYWHERE, seen)
    return patterns


def _tally_key(one: Observed) -> TallyKey:
    return (one.principal_id, one.action, one.resource, one.outcome, one.region)


def _add(tx: Transaction, seen: Seen, key: TallyKey, tally: Tally) -> Observed:
    """Gives the record that it was added to."""
    _, action, resource, outcome, region = key
    resource = storable(resource)
    account, principal_id = seen.asker.account, seen.asker.id
    place = (account, principal_id, action, outcome, region)
    known = OBSERVED.find(tx, EVERYWHERE, *place, resource, int(tally.pattern))
    if known is None and seen.folded:
        around = (OBSERVED.find(tx, EVERYWHERE, *place, one, 1) for one in ancestors(resource))
        known = next((one for one in around if one is not None), None)
    if known is None:
        known = Observed(
            account=account,
            principal_id=principal_id,
            action=action,
            resource=resource,
            pattern=tally.pattern,
            outcome=outcome,
            region=region,
            count=tally.count,
            first_ms=tally.first_ms,
            last_ms=tally.last_ms,
            conditions=dict(tally.conditions),
            remedies=tally.remedies,
        )
        seen.pairs += 1
        seen.folded = seen.folded or tally.pattern
    else:
        known.conditions = dict(mixed(known.conditions, tally.conditions))
        known.count += tally.count
        known.remedies = tally.remedies or known.remedies
        known.first_ms = min(known.first_ms, tally.first_ms)
        known.last_ms = max(known.last_ms, tally.last_ms)
    OBSERVED.put(tx, EVERYWHERE, known)
    return known


def _fold(tx: Transaction, seen: Seen) -> list[Observed]:
    """Gives the patterns that were made."""
    made: list[Observed] = []
    account, principal_id = seen.asker.account, seen.asker.id
    everything = list(observed_of(tx, account, principal_id))
    families: dict[Pair, list[Observed]] = defaultdict(list)
    became = fold([one.pair for one in everything], PAIRS_LEFT)
    for one in everything:
        families[became[one.pair]].append(one)
    for pair, members in families.items():
        if len(members) == 1 and members[0].pair == pair:
            continue
        for one in members:
            OBSERVED.delete(tx, EVERYWHERE, *_observed_key(one))
        made.append(_as_one(pair, members))
        OBSERVED.put(tx, EVERYWHERE, made[-1])
    seen.folded = True
    seen.pairs = len(families)
    if seen.pairs > PAIRS_MAX:  # not even patterns are few enough: too many actions and regions
        oldest = sorted(observed_of(tx, account, principal_id), key=lambda one: one.last_ms)
        for one in oldest[: seen.pairs - PAIRS_MAX]:
            OBSERVED.delete(tx, EVERYWHERE, *_observed_key(one))
        seen.pairs = PAIRS_MAX
    return made


def _as_one(pair: Pair, members: Sequence[Observed]) -> Observed:
    action, outcome, region, resource, pattern = pair
    return Observed(
        account=members[0].account,
        principal_id=members[0].principal_id,
        action=action,
        resource=resource,
        pattern=pattern,
        outcome=outcome,
        region=region,
        count=sum(one.count for one in members),
        first_ms=min(one.first_ms for one in members),
        last_ms=max(one.last_ms for one in members),
        conditions=dict(mixed_all(one.conditions for one in members)),
        remedies=max(members, key=lambda one: one.last_ms).remedies,
    )


def _make_room(tx: Transaction, account: str) -> None:
    """For one principal more."""
    known = list(all_seen(tx, account))
    known.sort(key=lambda seen: seen.last_ms)
    for seen in known[: max(0, len(known) + 1 - PRINCIPALS_MAX)]:
        for one in list(observed_of(tx, account, seen.asker.id)):
            OBSERVED.delete(tx, EVERYWHERE, *_observed_key(one))
        SEEN.delete(tx, EVERYWHERE, *_seen_key(seen))


def put_key_uses(tx: Transaction, uses: Iterable[tuple[str, LastUse]]) -> None:
    for access_key_id, last in uses:
        known = KEY_USES.find(tx, EVERYWHERE, access_key_id)
        if known is None or known.last.at_ms <= last.at_ms:
            KEY_USES.put(tx, EVERYWHERE, KeyUse(access_key_id=access_key_id, last=last))


def put_refusals(tx: Transaction, refusals: Sequence[Refusal], *, trim: bool) -> None:
    """`trim`: whether the oldest are to make room now. Looking at all of them is not for every time."""
    for one in refusals:
        REFUSALS.put(tx, EVERYWHERE, one)
    if not trim:
        return
    known = list(REFUSALS.scan(tx, EVERYWHERE))
    known.sort(key=lambda one: one.at_ms)
    for one in known[: max(0, len(known) - REFUSALS_MAX)]:
        REFUSALS.delete(tx, EVERYWHERE, one.request_id, one.action, one.resource)


# --- forgetting


def schedule_sweep(tx: Transaction, now_ms: int) -> None:
    """One sweep for each day on which something was observed, when that day is old enough."""
    due_day = now_ms // DAY_MS + KEPT_MS // DAY_MS + 1
    tx.at(due_day * DAY_MS, Job(kind="iam.forget", payload=b"", id=f"iam.forget.{due_day}"))


def forget(tx: Transaction, now_ms: int) -> bool:
    """A batch of what is too old. True when there may be more."""
    oldest_day = (now_ms - KEPT_MS) // DAY_MS
    gone = 0
    for one in _older(tx, OBSERVED, oldest_day):
        OBSERVED.delete(tx, EVERYWHERE, *_observed_key(one))
        seen = find_seen(tx, one.account, one.principal_id)
        if seen is not None:
            seen.pairs -= 1
            SEEN.put(tx, EVERYWHERE, seen)
        gone += 1
    for seen in _older(tx, SEEN, oldest_day):
        if seen.pairs <= 0:
            SEEN.delete(tx, EVERYWHERE, *_seen_key(seen))
            gone += 1
    for use in _older(tx, KEY_USES, oldest_day):
        KEY_USES.delete(tx, EVERYWHERE, use.access_key_id)
        gone += 1
    refusals = REFUSALS.scan_index(tx, EVERYWHERE, "time", limit=SWEEP_BATCH)
    for refusal in [one for one in refusals if one.at_ms < oldest_day * DAY_MS]:
        REFUSALS.delete(tx, EVERYWHERE, refusal.request_id, refusal.action, refusal.resource)
        gone += 1
    return gone >= SWEEP_BATCH


def _older(tx: Transaction, collection: Collection[_T], day: int) -> list[_T]:
    """At most SWEEP_BATCH records whose last day is before `day`."""
    found: list[_T] = []
    for one in collection.scan_index(tx, EVERYWHERE, "day", limit=SWEEP_BATCH):
        last_ms = one.last.at_ms if isinstance(one, KeyUse) else one.last_ms
        if last_ms // DAY_MS >= day:
            break
        found.append(one)
    return found
