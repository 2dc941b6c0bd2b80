"""Two kinds of errors: `AwsError` is for callers of the API, `PilviError` for the person at the keyboard.

What must hold inside pilvi is an `assert`, not an error.
"""

from __future__ import annotations

from typing import Any, ClassVar


class AwsError(Exception):
    """An error as AWS's API states it.

    A subclass is named after the error's shape in the service's model (or after the code where the model
    has none) and sets `code`, `message` (a fixed template) and `status`. Variables are fields:

        raise errors.QueueDoesNotExist(queue="q1")

    `members` are further members of the modelled error structure, to be rendered beside the message
    (for example DynamoDB's `CancellationReasons`); `headers` go onto the response.
    """

    code: ClassVar[str] = "InternalFailure"
    shape: ClassVar[str] = ""
    """The name that JSON protocols have for it, where the class has another and the query protocol's code differs."""
    message: ClassVar[str] = "The request processing has failed because of an unknown error."
    status: ClassVar[int] = 400

    def __init__(
        self,
        *,
        members: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        **fields: object,
    ) -> None:
        self.fields = fields
        self.members: dict[str, Any] = members or {}
        self.headers: dict[str, str] = headers or {}
        self.text = self.message.format_map(fields) if fields else self.message
        super().__init__(f"{self.code}: {self.text}")

    @property
    def fault(self) -> str:
        """`Sender` for the caller's mistakes, `Receiver` for ours: the query protocol's Type."""
        return "Receiver" if self.status >= 500 else "Sender"


class InternalFailure(AwsError):
    code = "InternalFailure"
    status = 500


class ServiceUnavailable(AwsError):
    code = "ServiceUnavailable"
    message = "The request has failed due to a temporary failure of the server: {reason}"
    status = 503


class NotBuilt(AwsError):
    """pilvi does not do this yet, and says so instead of pretending."""

    code = "NotImplemented"
    message = "pilvi does not implement {what} yet."
    status = 501


class ValidationError(AwsError):
    """The query protocol's and many services' word for a request that breaks its model."""

    code = "ValidationError"
    message = "{detail}"


class ValidationException(AwsError):
    code = "ValidationException"
    message = "{detail}"


class SerializationException(AwsError):
    code = "SerializationException"
    message = "{detail}"


class PilviError(Exception):
    """Something the person who runs pilvi can mend: what is wrong, and what to do next."""

    def __init__(self, problem: str, advice: str = "") -> None:
        self.problem = problem
        self.advice = advice
        super().__init__(f"{problem} {advice}".strip())
