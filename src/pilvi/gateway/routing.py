"""Which service is a request for? From its host, target, signature and path; no I/O, no models.

Order of the evidence, strongest first: a host name that belongs to an API, a function URL or a bucket (there,
every path is theirs); pilvi's own paths; X-Amz-Target; the service in the signature's scope; a service's host
name (`dynamodb.us-east-1.localhost`); a path that only one service has, or a form for a queue; else S3, to which
most unsigned requests go. `<name>.localhost` is a bucket only for requests that may be S3's: SDKs put other things
there, too.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec.structs import replace

from pilvi.base.http import HttpRequest

TARGET_PREFIXES = {
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "Logs_20140328": "logs",
    "AmazonSQS": "sqs",
    "TrentService": "kms",
    "AWSEvents": "events",
    "AWSStepFunctions": "stepfunctions",
    "Kinesis_20131202": "kinesis",
    "AmazonSSM": "ssm",
    "secretsmanager": "secretsmanager",
    "GraniteServiceVersion20100801": "cloudwatch",
    "AWSCognitoIdentityProviderService": "cognito-idp",
    "AWSCognitoIdentityService": "cognito-identity",
    "CertificateManager": "acm",
    "ResourceGroupsTaggingAPI_20170126": "resourcegroupstaggingapi",
}
"""X-Amz-Target up to the dot -> botocore's service name."""

SIGNING_NAMES = {
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "email": "ses",
    "elasticloadbalancing": "elbv2",
    "tagging": "resourcegroupstaggingapi",
}
"""Names in a signature's scope that differ from botocore's service name."""

_REGION = r"[a-z]{2}(?:-[a-z]+)+-\d"
_ENDPOINT_HOST = re.compile(
    r"(?P<id>[a-z0-9]+)\.(?P<kind>execute-api|lambda-url)(?:\.(?P<region>[a-z0-9-]+))?"
)
_S3_HOST = re.compile(rf"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.)?{_REGION})?")
_OTHER_S3_HOST = re.compile(rf"(?:(?P<bucket>.+)\.)?s3(?:[.-]{_REGION})?\.[a-z0-9.-]+")
_WEBSITE_HOST = re.compile(rf"(?P<bucket>.+)\.s3-website(?:[.-](?P<region>{_REGION}))?")
_OTHER_WEBSITE_HOST = re.compile(
    rf"(?P<bucket>.+)\.s3-website(?:[.-](?P<region>{_REGION}))?\.[a-z0-9.-]+"
)
_POINT_HOST = re.compile(
    rf"(?P<name>[a-z0-9-]+)-(?P<account>\d{{12}})\.s3-accesspoint(?:-fips)?(?:\.dualstack)?\.(?P<region>{_REGION})"
    r"(?:\..+)?"
)
_SERVICE_HOST = re.compile(rf"(?P<service>[a-z0-9-]+)(?:\.{_REGION})?")
_DYNAMODB_HOST = re.compile(
    rf"(?:(?P<streams>streams\.)?dynamodb|\d{{12}}\.ddb)(?:-fips)?(?:\.{_REGION})?"
)
"""`123456789012.ddb`: an account's own endpoint; whose tables are meant, the signature tells."""
_QUEUE_PATH = re.compile(
    rf"/(?:queue/)?(?:{_REGION}/)?\d{{12}}/[\w-]{{1,80}}(?:\.fifo)?/?", re.ASCII
)
_WEBSITE = "s3-website"
_ENDPOINT_SERVICES = {"execute-api": "apigatewayv2", _WEBSITE: "s3"}
_TELLING_HEALTH = frozenset({"dynamodb", "dynamodbstreams"})
_PUBLIC_SUFFIXES = ("amazonaws.com", "amazonaws.com.cn")
_USER_REQUEST = re.compile(
    r"^/restapis/(?P<id>[^/]+)/(?P<stage>[^/]+)/_user_request_(?P<path>/.*)?$"
)


class Route(msgspec.Struct):
    """`kind`: "service" (a modelled operation), "endpoint" (plain HTTP that a service answers) or "own".

    `request` is the one to parse: for virtual-hosted buckets its path is rewritten to path style, while
    signatures are made over the original.
    """

    kind: str
    service: str
    request: HttpRequest
    endpoint: str = ""
    identifier: str = ""
    region: str = ""


class _Host(NamedTuple):
    """What a Host header says by itself. `prefix`: what stands before a name that pilvi is known by.

    `endpoint`: kind, identifier and region of an API or a function URL. `bucket`: of S3's own host names, empty
    for those without one (of an access point its ARN); None for others, of which `may_be_bucket` tells whether
    their prefix can be one.
    """

    prefix: str
    endpoint: tuple[str, str, str] | None = None
    bucket: str | None = None
    may_be_bucket: bool = False


def route(request: HttpRequest, *, external_name: str) -> Route:
    """`external_name`: the host name (without port) that clients know pilvi by."""
    host = _read_host(request.headers.get("host", ""), external_name)
    if host.endpoint is not None:
        kind, identifier, region = host.endpoint
        return _endpoint(kind, identifier, request, region=region)
    if host.bucket is not None or (host.may_be_bucket and _may_be_s3(request, host.prefix)):
        bucket = host.prefix if host.bucket is None else host.bucket
        if bucket:
            request = replace(request, path=f"/{bucket}{request.path}")
        return _service(request, "s3")
    if _is_own(request):
        return Route("own", "", request)
    return _by_endpoint_path(request) or _service(request, _service_name(request, host.prefix))


def host_name(host: str) -> str:
    """The name in a Host header or an origin, without port, brackets and case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()


def _split(host: str, external_name: str) -> tuple[str, str]:
    """`bucket.s3`, `localhost` of `bucket.s3.localhost`; two empty strings for names of nobody known."""
    for suffix in (external_name, "localhost", *_PUBLIC_SUFFIXES):
        if host == suffix:
            return "", suffix
        if host.endswith("." + suffix):
            return host[: -len(suffix) - 1], suffix
    return "", ""


@lru_cache(maxsize=4096)
def _read_host(header: str, external_name: str) -> _Host:
    """The same few names come again and again."""
    name = host_name(header)
    prefix, suffix = _split(name, external_name)
    found = _ENDPOINT_HOST.fullmatch(prefix) if prefix else _ENDPOINT_HOST.match(name)
    if found is not None:
        return _Host(prefix, endpoint=(found["kind"], found["id"], found["region"] or ""))
    found = _WEBSITE_HOST.fullmatch(prefix) if suffix else _OTHER_WEBSITE_HOST.fullmatch(name)
    if found is not None:
        return _Host(prefix, endpoint=(_WEBSITE, found["bucket"], found["region"] or ""))
    found = _POINT_HOST.fullmatch(prefix if suffix else name)
    if found is not None:
        at = f"{found['region']}:{found['account']}"
        return _Host(prefix, bucket=f"arn:aws:s3:{at}:accesspoint:{found['name']}")
    found = _S3_HOST.fullmatch(prefix) if suffix else _OTHER_S3_HOST.fullmatch(name)
    if found is not None:
        return _Host(prefix, bucket=found["bucket"] or "")
    return _Host(prefix, may_be_bucket=bool(prefix) and suffix not in _PUBLIC_SUFFIXES)


def _is_own(request: HttpRequest) -> bool:
    """A bucket, too, may be called metrics."""
    path = request.path
    if path == "/metrics":
        return request.method == "GET" and _scope_service(request) is None
    return path.startswith(("/_pilvi/", "/_localstack/"))


def _by_endpoint_path(request: HttpRequest) -> Route | None:
    path = request.path
    if path.startswith("/_aws/"):
        _, _, kind, identifier, rest = ([*path.split("/", 4), "", ""])[:5]
        if kind in ("execute-api", "lambda-url", "lambda-code", _WEBSITE):
            inner = replace(request, path="/" + rest)
            return _endpoint(kind, identifier, inner, region="")
    if path.startswith("/restapis/") and (match := _USER_REQUEST.match(path)):
        inner = replace(request, path=f"/{match['stage']}{match['path'] or '/'}")
        return _endpoint("execute-api", match["id"], inner, region="")
    return None


def _endpoint(kind: str, identifier: str, request: HttpRequest, *, region: str) -> Route:
    service = _ENDPOINT_SERVICES.get(kind, "lambda")
    if kind == _WEBSITE:
        request = replace(request, path=f"/{identifier}{request.path}")
    return Route(
        "endpoint", service, request, endpoint=kind, identifier=unquote(identifier), region=region
    )


def _may_be_s3(request: HttpRequest, prefix: str) -> bool:
    """Whether `prefix.localhost` means a bucket."""
    if "x-amz-target" in request.headers or _scope_service(request) not in (None, "s3"):
        return False
    if _service_of_host(prefix) is not None:
        return False
    return not _is_s3_control(request)


KNOWN_HOSTS = frozenset(
    {*TARGET_PREFIXES.values(), "s3", "sts", "iam", "lambda", "apigateway", "logs", "sns", "ec2"}
)


def _service_of_host(prefix: str) -> str | None:
    """`prefix`: what stands before a name that pilvi is known by."""
    match = _DYNAMODB_HOST.fullmatch(prefix)
    if match is not None:
        return "dynamodbstreams" if match["streams"] else "dynamodb"
    match = _SERVICE_HOST.fullmatch(prefix)
    return match["service"] if match is not None and match["service"] in KNOWN_HOSTS else None


def _service_name(request: HttpRequest, prefix: str) -> str:
    headers = request.headers
    target = headers.get("x-amz-target")
    if target is not None:
        name = TARGET_PREFIXES.get(target.partition(".")[0])
        if name is not None:
            return name
    scope = _scope_service(request)
    if scope is not None:
        return _by_scope(SIGNING_NAMES.get(scope, scope), request)
    if (name := _service_of_host(prefix)) is not None:
        return name
    if request.path.startswith("/service/") and "smithy-protocol" in headers:
        return TARGET_PREFIXES.get(request.path.split("/")[2], "s3")
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if form and request.path == "/":
        return "sts"  # the only query service with unsigned operations
    if (form or "Action=" in request.query) and _QUEUE_PATH.fullmatch(request.path):
        return "sqs"  # queues take what nobody has signed, too
    if request.path.startswith("/2015-03-31/functions"):
        return "lambda"
    return "s3"


def _by_scope(name: str, request: HttpRequest) -> str:
    """Services that share a signing name are told apart by their paths."""
    if name == "apigateway" and request.path.startswith("/v2/"):
        return "apigatewayv2"
    if name == "s3" and _is_s3_control(request):
        return "s3control"
    return name


def _is_s3_control(request: HttpRequest) -> bool:
    return "x-amz-account-id" in request.headers and request.path.startswith("/v20180820/")


def _scope_service(request: HttpRequest) -> str | None:
    """The service in `Credential=AKID/date/region/service/aws4_request`; None for unsigned requests."""
    header = request.headers.get("authorization")
    if header is not None:
        start = header.find("Credential=")
        if start < 0:
            return None
        parts = header[start + 11 : header.find(",", start)].split("/")
        return parts[3] if len(parts) == 5 and parts[3] else None
    if "X-Amz-Credential" in request.query:
        for name, value in parse_qsl(request.query):
            if name == "X-Amz-Credential":
                parts = value.split("/")
                return parts[3] if len(parts) == 5 and parts[3] else None
    return None


def _service(request: HttpRequest, name: str) -> Route:
    if name == "s3" and request.method == "OPTIONS":
        return Route("endpoint", "s3", request, endpoint="s3-options")
    if name == "s3" and request.method == "POST" and not request.query and _is_bucket(request.path):
        return Route("endpoint", "s3", request, endpoint="s3-post")
    if request.method == "GET" and name in _TELLING_HEALTH and request.path in ("/", "/ping"):
        return Route("endpoint", name, request, endpoint="health")
    return Route("service", name, request)


def _is_bucket(path: str) -> bool:
    name = path.strip("/")
    return bool(name) and "/" not in name
