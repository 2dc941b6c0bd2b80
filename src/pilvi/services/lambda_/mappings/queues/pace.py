"""How many batches of a queue may run at once: more while all of them run, fewer while the function fails.

Differs: what one event poller of the provisioned mode may move (1 MB and ten requests each second) is not limited.
AWS: Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings"; "Handling errors for an SQS
event source in Lambda", section "Backoff strategy for failed invocations".
"""

from __future__ import annotations

from pilvi.services.lambda_.mappings.records import Settings

FIRST = 5
MOST = 64
"""Of a mapping without a limit of its own. AWS: a thousand and more, on more than one machine."""
GROWTH_S = 0.2
"""While as many batches run as may, one more may so much later."""
BACKOFF_S = 1.0
"""For so long after a failure nothing grows; one less may run each time."""
OF_POLLER = 10
"""What an event poller of the provisioned mode runs at once; the fewest are there from the beginning."""
OF_POLLERS_MAX = 1_000
"""Of all together, in one process: as many as an account runs at once."""
GROWTH_OF_POLLERS_S = 0.06


class Pace:
    """`now_s`: monotonic, like all of its times."""

    def __init__(self, settings: Settings, now_s: float) -> None:
        self._most = settings.concurrency_max or MOST
        self._fewest = min(FIRST, self._most)
        self._growth_s = GROWTH_S
        if settings.pollers is not None:
            fewest, most = settings.pollers
            self._most = min(most * OF_POLLER, OF_POLLERS_MAX)
            self._fewest = min(fewest * OF_POLLER, self._most)
            self._growth_s = GROWTH_OF_POLLERS_S
        self._allowed = self._fewest
        self._grown_s = now_s
        self._backed_off_s = now_s - BACKOFF_S

    def allowed(self, running: int, now_s: float) -> int:
        if running < self._allowed or self._allowed >= self._most:
            self._grown_s = max(self._grown_s, now_s)
        elif now_s - self._grown_s >= self._growth_s:
            grown = int((now_s - self._grown_s) / self._growth_s)
            self._allowed = min(self._allowed + grown, self._most)
            self._grown_s = now_s
        return self._allowed

    def back_off(self, now_s: float) -> None:
        """The function failed, or was throttled."""
        self._grown_s = now_s + BACKOFF_S
        if now_s - self._backed_off_s >= BACKOFF_S:
            self._allowed = max(self._fewest, self._allowed - 1)
            self._backed_off_s = now_s
