"""One initialisation of an environment: when it was, and what the log and subscribers are told of it.

An environment has one before its first invocation, in a time of its own; when that fails or takes too long, and
whenever the environment begins again, another one in the time of an invocation.
AWS: Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle", failures during the init phase
and during the invoke phase.
"""

from __future__ import annotations

from pilvi.compute import events
from pilvi.compute.api import EnvironmentSpec
from pilvi.compute.companions import Companions
from pilvi.compute.ends import End, judge
from pilvi.compute.journal import Journal

PROVISIONED_INIT_S_MAX = 130.0
BEGINS_MAX = 16
"""How often an environment may begin again: what processes leave in its kernel objects is not to pile up."""


class Initialisation:
    def __init__(
        self, spec: EnvironmentSpec, began_s: float, *, phase: events.Phase = "init"
    ) -> None:
        """`began_s`: of `time.perf_counter()`."""
        self._spec = spec
        self.began_s = began_s
        self.phase: events.Phase = phase
        self._told = False

    @property
    def seconds_max(self) -> float:
        """How long the one of its own phase may take."""
        spec = self._spec
        if spec.debugger is not None:
            return spec.timeout_s
        if spec.initialization_type == "on-demand":
            return spec.init_s_max
        return max(PROVISIONED_INIT_S_MAX, spec.timeout_s)

    def tell(
        self, journal: Journal, companions: Companions | None, end: End | None, ended_s: float
    ) -> None:
        """Once: how it went. `end`: of one that failed."""
        if self._told:
            return
        self._told = True
        kind = self._spec.initialization_type
        status, error_type = "success", None
        if end is not None:
            verdict = judge("", end, timeout_s=self._spec.timeout_s, now_ms=0)
            status = verdict.status or "error"
            error_type = verdict.error_type if status == "error" else None
        if companions is not None:
            companions.tell_states()
        journal.tell(events.init_runtime_done(kind, error_type, status=status, phase=self.phase))
        duration_ms = (ended_s - self.began_s) * 1000
        journal.tell(
            events.init_report(
                kind,
                duration_ms=duration_ms,
                status=status,
                error_type=error_type,
                phase=self.phase,
            )
        )
        journal.close_subscriptions()
