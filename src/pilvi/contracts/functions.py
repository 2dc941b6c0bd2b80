"""Invoking a function: asked by API Gateway and others, answered by Lambda."""

from __future__ import annotations

from typing import Protocol

import msgspec

from pilvi.contracts.delivery import Source


class InvokeOutcome(msgspec.Struct, frozen=True):
    """`error`: None when the function returned; else "Unhandled" or "Handled" as in X-Amz-Function-Error,
    and `payload` is the error document."""

    payload: bytes
    error: str | None
    executed_version: str
    request_id: str
    log_tail: bytes = b""


class FunctionNotInvocable(Exception):
    """No such function or version, not permitted, throttled: `code` is Lambda's error code."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code}: {reason}")


class Functions(Protocol):
    async def invoke(
        self, arn: str, payload: bytes, *, source: Source, request_id: str
    ) -> InvokeOutcome:
        """Invoke synchronously (RequestResponse). `arn` may carry a qualifier.

        Raises: FunctionNotInvocable.
        """
        ...

    async def check_invocable(self, arn: str, *, source: Source) -> None:
        """Whether `source` could invoke this function now: it exists and its policy permits it.

        Raises: FunctionNotInvocable.
        """
        ...
