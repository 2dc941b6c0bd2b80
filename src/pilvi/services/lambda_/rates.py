"""AWS's quotas of rates, where the person who starts pilvi wants them: by default nothing is refused for its rate.

AWS: Lambda Developer Guide, "Lambda quotas", function invocation and API requests; "Lambda scaling behavior".
Differs: what is waited for is refused by the rate of its function, where something is reserved for it, else by that of
all functions of the account together; provisioned concurrency has no rate of its own.
"""

from __future__ import annotations

from pilvi.base.arn import Scope
from pilvi.kit.buckets import Buckets
from pilvi.kit.cloud import Cloud
from pilvi.services.lambda_ import errors, limits
from pilvi.services.lambda_.names import function_arn
from pilvi.services.lambda_.records import Function

_SCALING_MS = 10_000
_SECOND_MS = 1_000


class Quotas:
    """Those that are set, of all workers together."""

    def __init__(self, cloud: Cloud) -> None:
        self._scaling = cloud.settings.lambda_scaling_rate
        self._requests = cloud.settings.lambda_request_rate
        run = cloud.settings.data / "run"
        run.mkdir(parents=True, exist_ok=True)
        self._buckets = Buckets(run / "lambda.rates")
        self._clock = cloud.clock

    def admit(self, scope: Scope, function: Function) -> None:
        """One invocation that somebody waits for. Raises: TooManyRequestsException."""
        if self._requests is None:
            return
        reserved = function.reserved_concurrency
        if reserved is None:
            self._take_request(scope, "sync", "FunctionInvocationRateLimitExceeded")
            return
        what = f"requests {function_arn(scope, function.name)}"
        if not self._take(what, self._requests * reserved, _SECOND_MS):
            raise _refused("ReservedFunctionInvocationRateLimitExceeded")

    def admit_event(self, scope: Scope) -> None:
        """One invocation that nobody waits for. Raises: TooManyRequestsException."""
        if self._requests is not None:
            self._take_request(scope, "async", "FunctionInvocationRateLimitExceeded")

    def may_grow(self, function: str) -> bool:
        """Whether a function (its ARN) may have one environment more than it has."""
        if self._scaling is None:
            return True
        return self._take(f"environments {function}", self._scaling, _SCALING_MS)

    def close(self) -> None:
        self._buckets.close()

    def _take(self, what: str, most: int, period_ms: int) -> bool:
        return self._buckets.take(self._clock.now_ms(), what, most, period_ms)

    def _take_request(self, scope: Scope, kind: str, reason: str) -> None:
        assert self._requests is not None
        what = f"requests {scope.account} {scope.region} {kind}"
        if not self._take(what, self._requests * limits.CONCURRENCY, _SECOND_MS):
            raise _refused(reason)


def _refused(reason: str) -> errors.TooManyRequestsException:
    return errors.TooManyRequestsException(members={"Reason": reason})


def quotas_of(cloud: Cloud) -> Quotas | None:
    """None: none is set."""
    settings = cloud.settings
    if settings.lambda_scaling_rate is None and settings.lambda_request_rate is None:
        return None
    return Quotas(cloud)
