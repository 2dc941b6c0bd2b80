"""One request on its way through the pipeline, and what the steps have found out about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pilvi.base.http import Body, HttpRequest, HttpResponse
from pilvi.gateway.routing import Route
from pilvi.kit.call import Call
from pilvi.kit.service import Operation, Service

if TYPE_CHECKING:
    from pilvi.identity.authenticator import Authenticated
    from pilvi.protocol import Codec, Match


class Exchange(msgspec.Struct):
    request: HttpRequest
    request_id: str
    began_s: float
    """By the loop's clock: durations only."""
    route: Route | None = None
    service: Service | None = None
    codec: Codec | None = None
    operation_name: str = ""
    match: Match | None = None
    operation: Operation | None = None
    authenticated: Authenticated | None = None
    call: Call | None = None
    body: Body | None = None
    """The streamed body, decoded and checked; None when the operation streams none."""
    params: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    result: dict[str, Any] | None = None
    error: str = ""
    """The code of the error that is answered."""
    response: HttpResponse | None = None
    """Set by the step that has the answer; the steps up to `finish` are then passed over."""
