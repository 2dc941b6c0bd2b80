"""Serving a bucket at its website endpoint: pages for people, errors as HTML, and only what anybody may read.

Every object is asked for by GetObject (or HeadObject), unsigned, so that the one permission step decides; signatures
that a request may carry count for nothing here.
AWS: S3 User Guide, "Website endpoints", "Configuring an index document", "Configuring a custom error document".
"""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote

from msgspec.structs import replace

from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.identity.principal import ANONYMOUS
from pilvi.kit import execution
from pilvi.kit.call import Call
from pilvi.kit.service import no_body
from pilvi.protocol import Match, codec
from pilvi.protocol.rest import host_id, s3_ids
from pilvi.services.s3 import errors
from pilvi.services.s3.operations.bucket_websites import WEBSITE
from pilvi.services.s3.records import buckets, configurations
from pilvi.services.s3.rules import websites
from pilvi.services.s3.rules.websites import Redirect
from pilvi.services.s3.service import s3
from pilvi.store.api import Snapshot

_PATH = "/_aws/s3-website/"
_PRINTABLE = "".join(map(chr, range(32, 127)))
_UNSAFE_IN_LOCATION = "/:?#[]@!$&'()*+,;=%~-._"


@s3.endpoint("s3-website")
async def serve(call: Call, request: HttpRequest) -> HttpResponse:
    """Answer for a bucket's website; never raises but for what nobody expects."""
    try:
        return await _Visit(call, request).answer()
    except AwsError as error:
        return _page(call, request, error)


class _Visit:
    """One request. `request`: its path names the bucket first, as everywhere in S3."""

    def __init__(self, call: Call, request: HttpRequest) -> None:
        self._call = call
        self._request = request
        self._bucket = call.identifier
        self._key = unquote(request.path).removeprefix(f"/{call.identifier}/")
        self._site: dict[str, Any] = {}

    async def answer(self) -> HttpResponse:
        if self._request.method not in ("GET", "HEAD"):
            members = {"Method": self._request.method, "ResourceType": "OBJECT"}
            raise errors.MethodNotAllowed(members)
        self._site = await self._call.cloud.store.read(self._look)
        everything = self._site.get("RedirectAllRequestsTo")
        if everything is not None:
            target = Redirect(301, self._key, everything["HostName"], everything.get("Protocol"))
            return self._redirect(target, query=self._request.query)
        found = websites.redirect_of(self._site, self._key, None)
        if found is not None:
            return self._redirect(found)
        try:
            return await self._object(websites.document_of(self._site, self._key))
        except AwsError as error:
            if error.status == 304 or error.status == 412 or error.status >= 500:
                raise
            return await self._instead(error)

    def _look(self, at: Snapshot) -> dict[str, Any]:
        bucket = buckets.get_bucket(at, self._bucket)
        found = configurations.find(at, bucket, WEBSITE)
        if found is None:
            raise errors.NoSuchWebsiteConfiguration(bucket.name)
        return found

    async def _instead(self, error: AwsError) -> HttpResponse:
        """What is answered for a page that nobody gets: its folder's, another address, the site's own error page."""
        if self._key and not self._key.endswith("/"):
            folder = self._key + "/"
            try:
                await self._ask("HeadObject", folder + websites.index_of(self._site))
            except AwsError:
                pass  # no folder either, or none for everybody
            else:
                return self._redirect(Redirect(302, folder), relative=True)
        found = websites.redirect_of(self._site, self._key, error.status)
        if found is not None:
            return self._redirect(found)
        own = websites.error_key_of(self._site)
        if own is None:
            raise error
        try:
            page = await self._object(own, conditions=False)
        except AwsError as further:
            return _page(self._call, self._request, error, further)
        page.status = error.status
        page.headers += _error_headers(error)
        return page

    async def _object(self, key: str, *, conditions: bool = True) -> HttpResponse:
        """An object as a page, or where it says that it has moved. Raises: AwsError."""
        operation = "HeadObject" if self._request.method == "HEAD" else "GetObject"
        result = await self._ask(operation, key, conditions=conditions)
        moved = result.pop("WebsiteRedirectLocation", None)
        if moved is not None:
            close = getattr(result.pop("Body", None), "aclose", None)
            if close is not None:
                await close()
            location = quote(moved, safe=_UNSAFE_IN_LOCATION)
            return self._sent_to(301, self._base() + location if moved[0] == "/" else location)
        return codec("s3").render(operation, result, self._call.request_id)

    async def _ask(self, operation: str, key: str, *, conditions: bool = False) -> dict[str, Any]:
        """As anybody would. Raises: AwsError."""
        kept = _ASKED if conditions else ()
        headers = self._request.headers
        plain = replace(
            self._request,
            query="",
            headers={name: headers[name] for name in (*kept, *_TOLD) if name in headers},
            body=b"",
            stream=None,
            read=None,
        )
        found = s3.operations[operation]
        call = self._call.cloud.call(
            found,
            scope=self._call.scope,
            principal=ANONYMOUS,
            request_id=self._call.request_id,
            request=plain,
        )
        params = codec("s3").parse(Match(operation, {"Bucket": self._bucket, "Key": key}), plain)
        return await execution.perform(call, found, params, no_body())

    def _redirect(
        self, target: Redirect, *, query: str = "", relative: bool = False
    ) -> HttpResponse:
        path = "/" + quote(target.key, safe="/~-._")
        if target.host is None:
            path = self._base() + path
        if not relative:
            protocol = target.protocol or ("https" if self._request.secure else "http")
            host = target.host or self._request.headers.get("host", "")
            path = f"{protocol}://{host}{path}"
        return self._sent_to(target.status, f"{path}?{query}" if query else path)

    def _base(self) -> str:
        """Where the site's own addresses begin, for those who reach it by a path."""
        came = self._call.request
        by_path = came is not None and came.path.startswith(_PATH)
        return f"{_PATH}{quote(self._bucket)}" if by_path else ""

    def _sent_to(self, status: int, location: str) -> HttpResponse:
        headers = [*s3_ids(self._call.request_id), ("Location", location)]
        return HttpResponse(status, headers, b"")


_ASKED = (*("range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"),)
_TOLD = ("host", "referer", "user-agent", "origin")
"""Conditions of policies may be about these."""


# --- errors, as people see them


def _page(
    call: Call, request: HttpRequest, error: AwsError, further: AwsError | None = None
) -> HttpResponse:
    """`further`: why the site's own error page was not to be had."""
    title = f"{error.status} {HTTPStatus(error.status).phrase}"
    ids = {"RequestId": call.request_id, "HostId": host_id(call.request_id)}
    lines = ["<html>", f"<head><title>{title}</title></head>", "<body>", f"<h1>{title}</h1>"]
    lines += _list({**_told(error), **ids})
    if further is not None:
        lines.append(
            "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>"
        )
        lines += _list(_told(further))
    lines += ["<hr/>", "</body>", "</html>", ""]
    headers = [
        *s3_ids(call.request_id),
        ("Content-Type", "text/html; charset=utf-8"),
        *_error_headers(error),
        *error.headers.items(),
    ]
    body = b"" if request.method == "HEAD" or error.status == 304 else "\n".join(lines).encode()
    return HttpResponse(error.status, headers, body)


def _told(error: AwsError) -> dict[str, Any]:
    return {"Code": error.code, "Message": error.text, **error.members}


def _list(told: dict[str, Any]) -> list[str]:
    items = [f"<li>{escape(name)}: {escape(str(value))}</li>" for name, value in told.items()]
    return ["<ul>", *items, "</ul>"]


def _error_headers(error: AwsError) -> list[tuple[str, str]]:
    if error.status == 304:
        return []
    told = quote(error.text, safe=_PRINTABLE)  # which may tell the key that a stranger wrote
    return [("x-amz-error-code", error.code), ("x-amz-error-message", told)]
