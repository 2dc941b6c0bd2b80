"""A call: who asks, where, when, and the ways out of a handler.

Time, ids and randomness are taken from here, so that a seed reproduces a run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pilvi.base.arn import Arn, Scope
from pilvi.base.entropy import Entropy
from pilvi.base.http import HttpRequest
from pilvi.contracts.causes import Cause
from pilvi.identity.permissions import Permissions
from pilvi.identity.principal import Principal
from pilvi.store.api import Snapshot, Transaction

if TYPE_CHECKING:
    from pilvi.identity.post_policy import Vouch
    from pilvi.kit.cloud import Cloud

T = TypeVar("T")


class Call(msgspec.Struct):
    """One operation being performed, from HTTP or from inside."""

    cloud: Cloud
    service: str
    operation: str
    scope: Scope
    principal: Principal
    request_id: str
    now_ms: int
    request: HttpRequest | None = None
    """The HTTP request behind it; None for calls from inside the cloud."""
    parent: str | None = None
    """The job that makes this call, when a job does."""
    trailers: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """Trailing headers of a streamed body (lower case), filled when the body has ended."""
    identifier: str = ""
    """For plain HTTP endpoints: the id in the host name or path (an API's, a function URL's)."""
    via: str = ""
    """The service that asks on behalf of the principal whose request it serves ("s3"); "" for a direct request."""
    source_arn: str = ""
    """For a service that asks on its own behalf: the resource that it does so for."""
    vouch: Vouch | None = None
    """For plain HTTP endpoints: says who signed a document inside the request."""
    proven: Permissions | None = None
    """Who asks, where the request itself proves it and no signature does (`Acts.proves`)."""
    proof: Any = None
    """What was proven besides: the claims of an identity provider's token."""
    granted: bool = False
    """Whether the resource's own policy let the caller in: from another account, or from nowhere."""
    headers: list[tuple[str, str]] = msgspec.field(default_factory=list[tuple[str, str]])
    """Further HTTP headers for the answer, beyond those of the model."""
    status: int = 0
    """The HTTP status of the answer, where it is not the model's."""

    @property
    def account(self) -> str:
        return self.scope.account

    @property
    def region(self) -> str:
        return self.scope.region

    @property
    def entropy(self) -> Entropy:
        return self.cloud.entropy

    @property
    def cause(self) -> Cause:
        return Cause(self.request_id, self.parent)

    def arn(self, service: str, resource: str) -> str:
        """An ARN in this call's account and region."""
        return str(
            Arn(service, self.scope.region, self.scope.account, resource, self.scope.partition)
        )

    def ask(self, question: type[T]) -> T:
        """The one implementation of a Protocol of contracts/."""
        return self.cloud.ask(question)

    # For streaming handlers only: each opens a transaction of its own.

    def view(self, body: Callable[[Snapshot], T]) -> Awaitable[T]:
        return self.cloud.store.read(body)

    def transact(self, body: Callable[[Transaction], T]) -> Awaitable[T]:
        return self.cloud.store.write(body, cause=self.cause)
