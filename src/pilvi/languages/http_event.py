"""HTTP requests as the events that functions get: payload formats 1.0 and 2.0. Pure.

AWS: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs" (payload format
version) and "Input format of a Lambda function for proxy integration".

Differs: HTTP/1.1 header names reach a REST API's function in the usual spelling (`Content-Type`), for the
case in which they were sent is not kept.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

Event = dict[str, Any]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TEXT_TYPES = (
    "application/json",
    "application/javascript",
    "application/xml",
    "application/graphql",
)
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "te", "transfer-encoding", "upgrade"})
_NOBODY = {
    "accessKey": None,
    "accountId": None,
    "caller": None,
    "cognitoAuthenticationProvider": None,
    "cognitoAuthenticationType": None,
    "cognitoIdentityId": None,
    "cognitoIdentityPoolId": None,
    "principalOrgId": None,
    "user": None,
    "userArn": None,
}


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed the request, where somebody had to."""

    access_key_id: str
    account: str
    id: str
    arn: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request to an API, with what routing has found out about it.

    `path`: raw, as requested, without the stage. `full_path`: raw, with the stage where it was part of the
    path. `template`: the route's path ("/pets/{id}"); `variables`: the values of its variables, raw.
    """

    api_id: str
    account: str
    stage: str
    method: str
    path: str
    full_path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    template: str
    variables: Mapping[str, str]
    stage_variables: Mapping[str, str]
    domain_name: str
    source_ip: str
    secure: bool
    request_id: str
    extended_request_id: str
    trace_id: str
    at_ms: int
    route_key: str = ""
    resource_id: str = ""
    deployment_id: str = ""
    binary_types: tuple[str, ...] = field(default=())
    """Of REST APIs: media types whose bodies are passed as bytes (base64)."""
    signer: Signer | None = None


def event_2_0(incoming: Incoming) -> Event:
    """Payload format 2.0: HTTP APIs. What is empty is left out."""
    headers = _forwarded(incoming)
    cookies = headers.pop("cookie", None)
    event: Event = {
        "version": "2.0",
        "routeKey": incoming.route_key,
        "rawPath": unquote(incoming.full_path),
        "rawQueryString": incoming.query,
    }
    if cookies is not None:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";") if cookie.strip()]
    event["headers"] = headers
    query = _joined(_query_pairs(incoming.query))
    if query:
        event["queryStringParameters"] = query
    context: Event = {
        "accountId": incoming.account,
        "apiId": incoming.api_id,
        "domainName": incoming.domain_name,
        "domainPrefix": incoming.domain_name.partition(".")[0],
        "http": {
            "method": incoming.method,
            "path": unquote(incoming.full_path),
            "protocol": "HTTP/1.1",
            "sourceIp": incoming.source_ip,
            "userAgent": incoming.headers.get("user-agent", ""),
        },
        "requestId": incoming.request_id,
        "routeKey": incoming.route_key,
        "stage": incoming.stage,
        "time": request_time(incoming.at_ms),
        "timeEpoch": incoming.at_ms,
    }
    if incoming.signer is not None:
        context["authorizer"] = {"iam": _authorizer(incoming.signer)}
    event["requestContext"] = context
    if incoming.variables:
        event["pathParameters"] = _decoded(incoming.variables)
    if incoming.stage_variables:
        event["stageVariables"] = dict(incoming.stage_variables)
    if incoming.body:
        event["body"], event["isBase64Encoded"] = _http_body(incoming)
    else:
        event["isBase64Encoded"] = False
    return event


def event_1_0(incoming: Incoming) -> Event:
    """Payload format 1.0 of HTTP APIs: as a REST API's, but for the version, the path and the body."""
    event: Event = {"version": "1.0", **rest_event(incoming)}
    event["path"] = unquote(incoming.full_path)
    event["pathParameters"] = _decoded(incoming.variables) or None
    event["requestContext"]["path"] = unquote(incoming.full_path)
    event["requestContext"]["resourceId"] = incoming.route_key
    if incoming.body:
        event["body"], event["isBase64Encoded"] = _http_body(incoming)
    return event


def rest_event(incoming: Incoming) -> Event:
    """The event of a REST API's proxy integration. What is empty is null."""
    headers = {_title(name): value for name, value in _forwarded(incoming).items()}
    pairs = _query_pairs(incoming.query)
    multiple: dict[str, list[str]] = {}
    for name, value in pairs:
        multiple.setdefault(name, []).append(value)
    body, encoded = _rest_body(incoming)
    return {
        "resource": incoming.template,
        "path": incoming.path,
        "httpMethod": incoming.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": multiple or None,
        "pathParameters": dict(incoming.variables) or None,
        "stageVariables": dict(incoming.stage_variables) or None,
        "requestContext": {
            "accountId": incoming.account,
            "apiId": incoming.api_id,
            "deploymentId": incoming.deployment_id,
            "domainName": incoming.domain_name,
            "domainPrefix": incoming.domain_name.partition(".")[0],
            "extendedRequestId": incoming.extended_request_id,
            "httpMethod": incoming.method,
            "identity": {
                **_NOBODY,
                **_identity(incoming.signer),
                "sourceIp": incoming.source_ip,
                "userAgent": incoming.headers.get("user-agent"),
            },
            "path": incoming.full_path,
            "protocol": "HTTP/1.1",
            "requestId": incoming.request_id,
            "requestTime": request_time(incoming.at_ms),
            "requestTimeEpoch": incoming.at_ms,
            "resourceId": incoming.resource_id,
            "resourcePath": incoming.template,
            "stage": incoming.stage,
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def _authorizer(signer: Signer) -> dict[str, str | None]:
    """Of payload format 2.0."""
    return {
        "accessKey": signer.access_key_id,
        "accountId": signer.account,
        "callerId": signer.id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": signer.arn,
        "userId": signer.id,
    }


def _identity(signer: Signer | None) -> dict[str, str]:
    """Of payload format 1.0, and of REST APIs."""
    if signer is None:
        return {}
    return {
        "accessKey": signer.access_key_id,
        "accountId": signer.account,
        "caller": signer.id,
        "user": signer.id,
        "userArn": signer.arn,
    }


def request_time(at_ms: int) -> str:
    """`12/Mar/2020:19:03:58 +0000`, whatever the locale."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{at.day:02d}/{_MONTHS[at.month - 1]}/{at.year}:{at:%H:%M:%S} +0000"


def media_type_matches(content_type: str, patterns: Iterable[str]) -> bool:
    """Whether a content type is one of a REST API's binary types; `*/*` and `image/*` are wildcards."""
    media = content_type.partition(";")[0].strip().lower()
    for pattern in patterns:
        wanted = pattern.lower()
        if wanted in ("*/*", media) or (wanted.endswith("/*") and media.startswith(wanted[:-1])):
            return True
    return False


def _forwarded(incoming: Incoming) -> dict[str, str]:
    """The headers that reach the function: those sent, less hop-by-hop ones, and who forwarded them. A signature that
    was needed has served its turn: the function is told whose it was.
    """
    headers = {n: v for n, v in incoming.headers.items() if n not in _HOP_BY_HOP}
    if incoming.signer is not None:
        headers.pop("authorization", None)
    before = headers.get("x-forwarded-for")
    source = incoming.source_ip
    headers["x-forwarded-for"] = source if before is None else f"{before}, {source}"
    headers["x-forwarded-proto"] = "https" if incoming.secure else "http"
    port = incoming.headers.get("host", "").rpartition(":")[2]
    headers["x-forwarded-port"] = port if port.isdigit() else ("443" if incoming.secure else "80")
    headers["x-amzn-trace-id"] = incoming.trace_id
    return headers


def _query_pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _decoded(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: unquote(value) for name, value in variables.items()}


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _http_body(incoming: Incoming) -> tuple[str, bool]:
    """HTTP APIs pass text as it is, and everything else as base64."""
    media = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    text = media.startswith("text/") or media in _TEXT_TYPES or media.endswith(("+json", "+xml"))
    if text and "content-encoding" not in incoming.headers:
        try:
            return incoming.body.decode(), False
        except UnicodeDecodeError:
            pass  # not the text it claims to be
    return base64.b64encode(incoming.body).decode(), True


def _rest_body(incoming: Incoming) -> tuple[str | None, bool]:
    """REST APIs pass text, unless the content type is one of the API's binary types."""
    if not incoming.body:
        return None, False
    content_type = incoming.headers.get("content-type", "application/json")
    if media_type_matches(content_type, incoming.binary_types):
        return base64.b64encode(incoming.body).decode(), True
    return incoming.body.decode("utf-8", "replace"), False
