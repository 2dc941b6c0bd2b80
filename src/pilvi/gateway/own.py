"""pilvi's own endpoints: health, reset, clock, trace, idle, metrics; those of `own_iam.py` and
`own_s3.py`.

Reading health is free. The others move or erase the whole cloud: in the open mode they are for this
machine (and never for a foreign web page); in strict mode they need the data directory's admin token,
which the command line reads from there. To functions in their sandboxes they are refused in every mode.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

import msgspec
import orjson

from pilvi import __version__
from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.gateway import bodies, own_iam, own_s3
from pilvi.gateway.access_log import AccessLog
from pilvi.gateway.origins import Origins
from pilvi.gateway.routing import Route
from pilvi.identity.principal import ANONYMOUS, root_of
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.settings import DEFAULT_ACCOUNT, DEFAULT_REGION

_BODY_MAX = 64 * 1024
_IDLE_S_MAX = 3600
_LAST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999: dates are not written behind it."""


class NotPermitted(AwsError):
    code = "AccessDeniedException"
    message = (
        "This endpoint needs the admin token of the data directory (Authorization: Bearer ...)."
    )
    status = 403


class NotFromInside(AwsError):
    code = "AccessDeniedException"
    message = "Functions may not use {path}."
    status = 403


class BadRequest(AwsError):
    code = "BadRequestException"
    message = "{detail}"


class NoSuchEndpoint(AwsError):
    code = "NotFoundException"
    message = "pilvi has no endpoint {path}."
    status = 404


@dataclass(frozen=True, slots=True)
class Actions:
    """What the endpoints do beyond the cloud itself: given by app.py, which owns the parts."""

    reset: Callable[[], Awaitable[None]]
    clock_moved: Callable[[], None]
    story: Callable[[str], Awaitable[list[dict[str, Any]]]]
    idle: Callable[[float], Awaitable[bool]]
    status: Callable[[], Awaitable[dict[str, Any]]]
    gauges: Callable[[], Awaitable[dict[str, float]]]
    scrub: Callable[[int | None, bool], Awaitable[dict[str, Any]]]
    """(bytes a second or None, whether to begin) -> what is known of the scrubs."""
    admin_token: str


class OwnEndpoints:
    def __init__(
        self,
        cloud: Cloud,
        origins: Origins,
        access_log: AccessLog,
        actions: Actions,
        *,
        inside: bool = False,
    ) -> None:
        """`inside`: whether it is functions that ask."""
        assert actions.admin_token
        self._inside = inside
        self._cloud = cloud
        self._origins = origins
        self._access_log = access_log
        self._actions = actions

    def endpoint_call(self, service: str, route: Route, request_id: str) -> Call:
        """A call for plain HTTP: nobody has signed it; the service finds account and region by the id."""
        return Call(
            cloud=self._cloud,
            service=service,
            operation=route.endpoint,
            scope=Scope(DEFAULT_ACCOUNT, route.region or DEFAULT_REGION),
            principal=ANONYMOUS,
            request_id=request_id,
            now_ms=self._cloud.clock.now_ms(),
            request=route.request,
            identifier=route.identifier,
        )

    async def answer(self, request: HttpRequest) -> HttpResponse:
        method, path = request.method, request.path
        if method in ("GET", "HEAD") and path in ("/_pilvi/health", "/_localstack/health"):
            return _json(self._health(path))
        if method == "GET" and path == "/_localstack/info":
            return _json(
                {"version": __version__, "edition": "pilvi", "is_license_activated": False}
            )
        self._permit(request)
        if method == "GET" and path == "/metrics":
            from pilvi.gateway.metrics import exposition

            text = exposition(self._cloud, self._access_log, await self._actions.gauges())
            return HttpResponse(200, [("content-type", "text/plain; version=0.0.4")], text)
        if method == "GET" and path == "/_pilvi/status":
            return _json(await self._actions.status())
        if method == "POST" and path in ("/_pilvi/reset", "/_localstack/state/reset"):
            await self._actions.reset()
            return _json({"reset": True})
        if path == "/_pilvi/clock" and method in ("GET", "POST"):
            return _json(await self._clock(request))
        if path == "/_pilvi/scrub" and method in ("GET", "POST"):
            return _json(await self._scrub(request))
        if method == "GET" and path.startswith("/_pilvi/trace/"):
            return _json({"entries": await self._actions.story(path.rpartition("/")[2])})
        if path.startswith(own_iam.PREFIX):
            what = path.removeprefix(own_iam.PREFIX)
            asked = await self._asked(request) if method == "POST" else {}
            owner = self._has_token(request)
            told = await own_iam.answer(self._cloud, method, what, asked, owner=owner)
            if told is not None:
                return _json(told)
        if method == "POST" and path.startswith(own_s3.PREFIX):
            what, asked = path.removeprefix(own_s3.PREFIX), await self._asked(request)
            told = await own_s3.answer(self._cloud, what, asked)
            if told is not None:
                return _json(told)
        if method == "POST" and path == "/_pilvi/idle":
            asked = await self._asked(request)
            timeout_s = asked.get("timeout_s", 30)
            if not isinstance(timeout_s, int | float) or not 0 <= timeout_s <= _IDLE_S_MAX:
                raise BadRequest(detail=f"timeout_s is a number of seconds, 0 to {_IDLE_S_MAX}.")
            return _json({"idle": await self._actions.idle(timeout_s)})
        raise NoSuchEndpoint(path=path)

    def _permit(self, request: HttpRequest) -> None:
        """Raises: NotFromInside, NotPermitted, ForeignPage."""
        if self._inside:
            raise NotFromInside(path=request.path)
        if self._has_token(request):
            return
        if self._cloud.settings.auth == "strict":
            raise NotPermitted()
        self._origins.guard(request, root_of(DEFAULT_ACCOUNT, ""))

    def _has_token(self, request: HttpRequest) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), self._actions.admin_token.encode())

    def _health(self, path: str) -> dict[str, Any]:
        names = sorted(self._cloud.service_names)
        state = "available" if path.startswith("/_localstack") else "running"
        health: dict[str, Any] = {"services": dict.fromkeys(names, state), "version": __version__}
        if path.startswith("/_localstack"):
            health["edition"] = "community"
        else:
            health["status"] = "ok"
        return health

    async def _clock(self, request: HttpRequest) -> dict[str, Any]:
        clock = self._cloud.clock
        if request.method == "POST":
            asked = await self._asked(request)
            action = asked.get("action")
            if action == "freeze":
                at_ms = asked.get("at_ms")
                if at_ms is not None and not _is_whole(at_ms, _LAST_MS):
                    raise BadRequest(detail="at_ms is a whole number of milliseconds, 0 or more.")
                clock.freeze(at_ms)
            elif action == "advance":
                by_ms = asked.get("by_ms")
                if not _is_whole(by_ms, _LAST_MS - clock.now_ms()):
                    raise BadRequest(detail="by_ms is a whole number of milliseconds, 0 or more.")
                clock.advance(by_ms)
            elif action == "resume":
                clock.resume()
            elif action == "reset":
                clock.reset()
            else:
                raise BadRequest(detail="action is one of freeze, advance, resume, reset.")
            self._actions.clock_moved()
        return {"now_ms": clock.now_ms(), "frozen": clock.frozen, "offset_ms": clock.offset_ms}

    async def _scrub(self, request: HttpRequest) -> dict[str, Any]:
        if request.method == "GET":
            return await self._actions.scrub(None, False)
        rate_bytes = (await self._asked(request)).get("rate_bytes")
        if rate_bytes is not None and not _is_whole(rate_bytes, 1 << 40):
            raise BadRequest(detail="rate_bytes is a whole number of bytes a second, 0 or more.")
        return await self._actions.scrub(rate_bytes, True)

    async def _asked(self, request: HttpRequest) -> dict[str, Any]:
        body = await bodies.whole(request, _BODY_MAX)
        try:
            return msgspec.json.decode(body or b"{}", type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise BadRequest(detail=f"The body is no JSON object: {error}") from None


def _is_whole(value: object, most: int) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= most


def _json(value: Any) -> HttpResponse:
    return HttpResponse(200, [("content-type", "application/json")], orjson.dumps(value))
