"""`contracts.observations.Observations`: counted in memory, brought to the store in the background.

Nothing of the hot path waits for the store. Increments merge there, so several workers may count the same thing. What
was noted less than FLUSH_S before a process is killed is lost; a graceful end brings everything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from pilvi.base.errors import ServiceUnavailable
from pilvi.contracts.observations import LET_PASS, Asker, LastUse, Refusal
from pilvi.kit.cloud import Cloud
from pilvi.services.iam.observed import records, tally
from pilvi.services.iam.observed.folding import ancestors, parent
from pilvi.services.iam.observed.tally import Tally
from pilvi.store.api import Transaction

FLUSH_S = 2.0
BATCH = 100
"""Tallies of one transaction, so that none of them holds up requests for long."""
TALLIES_MAX = 5_000
"""What waits in memory; beyond it resources are counted by their patterns, beyond twice that by action alone, and
beyond three times (thousands of principals in two seconds) they are left out, with a warning."""
PATTERNS_MAX = 10_000
"""Patterns of the store that a process knows of, so that what lies under them is counted together at once."""
REFUSALS_MAX = 200
"""Refusals that wait; those beyond are in the log only."""
TRIM_EVERY = 100
REPEAT_S = 60.0
"""How long a line on the terminal is not repeated for the same principal, action and resource."""
TOLD_MAX = 1000

log = logging.getLogger("pilvi.iam")


class IamObservations:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._loop = asyncio.get_running_loop()
        self._tallies: dict[records.TallyKey, Tally] = {}
        self._keys: dict[str, LastUse] = {}
        self._refusals: list[Refusal] = []
        self._untrimmed = TRIM_EVERY
        self._timer: asyncio.TimerHandle | None = None
        self._flushing = asyncio.Lock()
        self._flusher: asyncio.Task[None] | None = None
        self._swept_day = -1
        self._left_out = 0
        self._patterns: set[records.TallyKey] = set()
        self._told: dict[records.TallyKey, float] = {}

    # --- noting

    def note(
        self,
        asker: Asker,
        action: str,
        resource: str,
        outcome: str,
        region: str,
        at_ms: int,
        context: Mapping[str, tuple[str, ...]],
    ) -> None:
        if len(resource) > tally.TEXT_MAX:
            resource = resource[: tally.TEXT_MAX]
        key = (asker.id, action, resource, outcome, region)
        known = self._tallies.get(key)
        if known is None:
            conditions = tally.worth(context) if context else tally.NONE
            known = self._begin(key, asker, at_ms, conditions)
        elif context or known.conditions:
            known.conditions = tally.mixed(known.conditions, tally.worth(context))
        known.count += 1
        known.last_ms = at_ms

    def _begin(
        self, key: records.TallyKey, asker: Asker, at_ms: int, conditions: tally.Conditions
    ) -> Tally:
        """A tally of its own, or of a pattern where the store has one or there are too many."""
        if self._timer is None:
            self._timer = self._loop.call_later(FLUSH_S, self._flush_soon)
        above = self._pattern_of(key)
        if above is not None:
            principal_id, action, _, outcome, region = key
            key = (principal_id, action, above, outcome, region)
            known = self._tallies.get(key)
            if known is not None:
                known.conditions = tally.mixed(known.conditions, conditions)
                return known
        made = Tally(asker, at_ms, conditions, pattern=above is not None)
        if len(self._tallies) < 3 * TALLIES_MAX:
            self._tallies[key] = made
        else:
            self._left_out += 1
        return made

    def _pattern_of(self, key: records.TallyKey) -> str | None:
        principal_id, action, resource, outcome, region = key
        if self._patterns:
            for above in ancestors(resource):
                if (principal_id, action, above, outcome, region) in self._patterns:
                    return above
        if len(self._tallies) < TALLIES_MAX:
            return None
        self._flush_soon()
        if len(self._tallies) < 2 * TALLIES_MAX:
            return parent(resource, pattern=False) or "*"
        return "*"

    def note_key(self, access_key_id: str, action: str, region: str, at_ms: int) -> None:
        self._keys[access_key_id] = LastUse(at_ms, action.partition(":")[0], region)

    def note_refusal(self, refusal: Refusal) -> None:
        if len(refusal.resource) > tally.TEXT_MAX:
            return
        asker, action, resource = refusal.asker, refusal.action, refusal.resource
        key = (asker.id, action, resource, refusal.outcome, refusal.region)
        refusal = tally.storable_refusal(refusal)
        known = self._tallies.get(key)
        if known is not None:
            known.remedies = refusal.remedies
        if len(self._refusals) < REFUSALS_MAX:
            self._refusals.append(refusal)
        self._tell(key, refusal)

    def _tell(self, key: records.TallyKey, refusal: Refusal) -> None:
        """A line for the terminal."""
        now_s = self._loop.time()
        if now_s - self._told.get(key, -REPEAT_S) < REPEAT_S:
            return
        if len(self._told) >= TOLD_MAX:
            self._told.clear()
        self._told[key] = now_s
        verb = "would not be" if refusal.outcome == LET_PASS else "is not"
        what = (refusal.asker.arn, verb, refusal.action, refusal.resource, refusal.request_id)
        log.warning("%s %s allowed to %s on %s; see: pilvi iam explain %s", *map(_one_line, what))

    # --- bringing it to the store

    def _flush_soon(self) -> None:
        if self._flusher is None or self._flusher.done():
            self._flusher = self._loop.create_task(self._flush_or_keep())

    async def _flush_or_keep(self) -> None:
        try:
            await self.flush()
        except ServiceUnavailable as error:
            log.warning("observations wait, for the store is not available: %s", error)
        except Exception:
            log.exception("some observations are lost")

    async def flush(self) -> None:
        """What there is now, not what comes meanwhile. Raises: StoreUnavailable; what was not stored is kept."""
        async with self._flushing:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            waiting, self._tallies = list(self._tallies.items()), {}
            keys, self._keys = self._keys, {}
            refusals, self._refusals = self._refusals, []
            left_out, self._left_out = self._left_out, 0
            if left_out:
                log.warning("%d requests came too fast to be observed", left_out)
            while waiting or keys or refusals:
                try:
                    await self._store(waiting[:BATCH], keys, refusals)
                except (ServiceUnavailable, asyncio.CancelledError):
                    self._keep(waiting, keys, refusals)
                    raise
                waiting, keys, refusals = waiting[BATCH:], {}, []

    async def _store(
        self,
        tallies: list[tuple[records.TallyKey, Tally]],
        keys: dict[str, LastUse],
        refusals: list[Refusal],
    ) -> None:
        self._untrimmed += len(refusals)
        trim, now_ms = self._untrimmed > TRIM_EVERY, self._cloud.clock.now_ms()
        sweep = now_ms // records.DAY_MS != self._swept_day

        def store(tx: Transaction) -> set[records.TallyKey]:
            patterns = records.merge(tx, tallies)
            records.put_key_uses(tx, keys.items())
            if refusals:
                records.put_refusals(tx, refusals, trim=trim)
            if sweep:
                records.schedule_sweep(tx, now_ms)
            return patterns

        patterns = await self._cloud.store.write(store)
        if len(self._patterns) + len(patterns) > PATTERNS_MAX:
            self._patterns.clear()
        self._patterns |= patterns
        self._swept_day = now_ms // records.DAY_MS
        if trim:
            self._untrimmed = 0

    def _keep(
        self,
        tallies: list[tuple[records.TallyKey, Tally]],
        keys: dict[str, LastUse],
        refusals: list[Refusal],
    ) -> None:
        """For the next time; within the bounds."""
        for key, old in tallies:
            known = self._tallies.get(key)
            if known is None:
                if len(self._tallies) < TALLIES_MAX:
                    self._tallies[key] = old
                continue
            known.count += old.count
            known.first_ms = old.first_ms
            known.conditions = tally.mixed(old.conditions, known.conditions)
        self._keys = {**keys, **self._keys}
        self._refusals = [*refusals, *self._refusals][:REFUSALS_MAX]
        if self._timer is None:
            self._timer = self._loop.call_later(FLUSH_S, self._flush_soon)

    async def retire_all(self) -> None:
        """Everything is erased: what waits, too."""
        self._tallies, self._keys, self._refusals = {}, {}, []
        self._patterns.clear()
        self._swept_day = -1

    async def close(self) -> None:
        """Bring what is left, at a graceful end."""
        if self._flusher is not None:
            await asyncio.wait([self._flusher])
        await self._flush_or_keep()
        if self._timer is not None:
            self._timer.cancel()


def _one_line(text: str) -> str:
    return text.encode("unicode_escape").decode()
