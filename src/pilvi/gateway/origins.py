"""Which web pages may use the APIs: CORS for the services, and a guard for the open mode.

In the open mode any credentials act as root, so a page of some stranger's site that the developer happens
to visit could drive the cloud through the browser. Browsers tell on such pages by Origin and
Sec-Fetch-Site. When a foreign name was rebound to this machine they send neither with a GET: then the Host
header tells, which no page can change. S3 buckets, HTTP APIs and function URLs have CORS rules of their own
and do not come here.
"""

from __future__ import annotations

import re

from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.gateway.routing import host_name
from pilvi.identity.principal import Principal

_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_NOT_REBINDABLE = re.compile(
    r"[^.]*|[0-9.]+|[0-9a-f:.]*:[0-9a-f:.]*|.+\.(?:internal|amazonaws\.com)"
)
"""Names that no stranger's DNS answers for: single words, addresses, `host.docker.internal`, AWS's own."""

_EXPOSED = (
    "x-amzn-requestid,x-amzn-errortype,x-amzn-errormessage,x-amzn-trace-id,x-amz-request-id,"
    "x-amz-crc32,x-amz-id-2,date,etag"
)


class ForeignPage(AwsError):
    code = "AccessDeniedException"
    message = (
        "The web page {origin} may not use this cloud: in the open mode only pages of this machine may. "
        "Start pilvi with --origin {origin} to allow it, or with --auth strict."
    )
    status = 403


class ForeignHost(AwsError):
    code = "AccessDeniedException"
    message = (
        "The host name {host} may be a stranger's: in the open mode this cloud answers to names of this "
        "machine only. Start pilvi with --url http://{host} to use that name, or with --auth strict."
    )
    status = 403


class Origins:
    def __init__(self, allowed: tuple[str, ...], external_name: str) -> None:
        """`allowed`: full origins ("https://app.example"); `external_name`: the host clients know us by."""
        self._allowed = frozenset(allowed)
        self._external_name = external_name
        self._names = frozenset((*_LOCAL_NAMES, external_name))

    def allows(self, origin: str) -> bool:
        return origin in self._allowed or self._is_local(host_name(origin.partition("://")[2]))

    def _is_local(self, name: str) -> bool:
        return name in self._names or name.endswith((".localhost", f".{self._external_name}"))

    def guard(self, request: HttpRequest, principal: Principal) -> None:
        """Raises: ForeignPage, ForeignHost for what nobody's signature vouches for."""
        if principal.verified or not principal.authenticated:
            return
        headers = request.headers
        origin = headers.get("origin")
        if origin is not None:
            if origin in self._allowed:
                return
            if not self.allows(origin):
                raise ForeignPage(origin=origin)
        elif headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise ForeignPage(origin=headers.get("referer", "unknown"))
        host = headers.get("host", "")
        name = host_name(host)
        if not self._is_local(name) and _NOT_REBINDABLE.fullmatch(name) is None:
            raise ForeignHost(host=host)

    def is_preflight(self, request: HttpRequest) -> bool:
        """A browser that asks whether it may call a JSON service: those alone use X-Amz-Target."""
        return request.method == "OPTIONS" and "x-amz-target" in request.headers.get(
            "access-control-request-headers", ""
        )

    def answer_preflight(self, request: HttpRequest) -> HttpResponse:
        origin = request.headers.get("origin", "")
        if not self.allows(origin):
            return HttpResponse(403)
        return HttpResponse(
            200,
            [
                ("access-control-allow-origin", origin),
                ("access-control-allow-headers", request.headers["access-control-request-headers"]),
                ("access-control-allow-methods", "GET,HEAD,PUT,POST,DELETE,PATCH"),
                ("access-control-expose-headers", _EXPOSED),
                ("access-control-max-age", "172800"),
                ("vary", "origin"),
            ],
        )

    def mark(self, request: HttpRequest, response: HttpResponse) -> None:
        """Let the page that asked read the answer."""
        origin = request.headers.get("origin")
        if origin is not None and self.allows(origin):
            response.headers.append(("access-control-allow-origin", origin))
            response.headers.append(("access-control-expose-headers", _EXPOSED))
            response.headers.append(("vary", "origin"))
