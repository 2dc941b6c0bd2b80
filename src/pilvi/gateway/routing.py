"""Which service is a request for? From its host, target, signature and path; no I/O, no models.

Order of the evidence, strongest first: pilvi's own paths; a host name that belongs to an API, a function
URL or a bucket; X-Amz-Target; the service in the signature's scope; a service's host name
(`dynamodb.us-east-1.localhost`); a path that only one service has; else S3, which alone takes unsigned
requests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, unquote

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

_ENDPOINT_HOST = re.compile(
    r"^(?P<id>[a-z0-9]+)\.(?P<kind>execute-api|lambda-url)\.(?:(?P<region>[a-z0-9-]+)\.)?"
)
_S3_HOST = re.compile(
    r"^(?:(?P<bucket>.+)\.)?s3(?:[.-](?P<region>[a-z]{2}-[a-z]+-\d))?"
    r"(?:\.(?:localhost|amazonaws\.com|[a-z0-9.-]+))$"
)
_SERVICE_HOST = re.compile(
    r"^(?P<service>[a-z0-9-]+)\.(?:[a-z]{2}-[a-z]+-\d\.)?(?:localhost|amazonaws\.com)$"
)
_USER_REQUEST = re.compile(
    r"^/restapis/(?P<id>[^/]+)/(?P<stage>[^/]+)/_user_request_(?P<path>/.*)?$"
)


@dataclass(slots=True)
class Route:
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
    labels: dict[str, str] = field(default_factory=dict[str, str])


def route(request: HttpRequest, *, external_name: str) -> Route:
    """`external_name`: the host name (without port) that clients know pilvi by."""
    path = request.path
    if path.startswith(("/_pilvi/", "/_localstack/")) or path == "/metrics":
        return Route("own", "", request)
    host = _host_name(request)
    found = _by_endpoint(request, host) or _by_bucket_host(request, host, external_name)
    if found is not None:
        return found
    return _service(request, _service_name(request, host))


def _host_name(request: HttpRequest) -> str:
    host = request.headers.get("host", "")
    if host.startswith("["):
        return host[1 : host.find("]")]
    return host.rsplit(":", 1)[0].lower()


def _by_endpoint(request: HttpRequest, host: str) -> Route | None:
    path = request.path
    if path.startswith("/_aws/"):
        _, _, kind, identifier, rest = ([*path.split("/", 4), "", ""])[:5]
        if kind in ("execute-api", "lambda-url"):
            inner = replace(request, path="/" + rest)
            return _endpoint(kind, identifier, inner, region="")
    if path.startswith("/restapis/") and (match := _USER_REQUEST.match(path)):
        inner = replace(request, path=f"/{match['stage']}{match['path'] or '/'}")
        return _endpoint("execute-api", match["id"], inner, region="")
    if match := _ENDPOINT_HOST.match(host):
        return _endpoint(match["kind"], match["id"], request, region=match["region"] or "")
    return None


def _endpoint(kind: str, identifier: str, request: HttpRequest, *, region: str) -> Route:
    service = "apigatewayv2" if kind == "execute-api" else "lambda"
    return Route(
        "endpoint", service, request, endpoint=kind, identifier=unquote(identifier), region=region
    )


def _by_bucket_host(request: HttpRequest, host: str, external_name: str) -> Route | None:
    if match := _S3_HOST.match(host):
        bucket = match["bucket"]
    elif host.endswith("." + external_name):
        bucket = host[: -len(external_name) - 1]
        if bucket.split(".")[0] in KNOWN_HOSTS:
            return None
    else:
        return None
    if bucket:
        request = replace(request, path=f"/{bucket}{request.path}")
    return _service(request, "s3")


KNOWN_HOSTS = frozenset(
    {*TARGET_PREFIXES.values(), "s3", "sts", "iam", "lambda", "apigateway", "logs", "sns", "ec2"}
)


def _service_name(request: HttpRequest, host: str) -> str:
    headers = request.headers
    target = headers.get("x-amz-target")
    if target is not None:
        name = TARGET_PREFIXES.get(target.partition(".")[0])
        if name is not None:
            return name
    scope = _scope_service(request)
    if scope is not None:
        return _by_scope(SIGNING_NAMES.get(scope, scope), request)
    if (match := _SERVICE_HOST.match(host)) and match["service"] in KNOWN_HOSTS:
        return match["service"]
    if request.path.startswith("/service/") and "smithy-protocol" in headers:
        return TARGET_PREFIXES.get(request.path.split("/")[2], "s3")
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return "sts"  # the only query service with unsigned operations
    if request.path.startswith("/2015-03-31/functions"):
        return "lambda"
    return "s3"


def _by_scope(name: str, request: HttpRequest) -> str:
    """Services that share a signing name are told apart by their paths."""
    if name == "apigateway" and request.path.startswith("/v2/"):
        return "apigatewayv2"
    if (
        name == "s3"
        and "x-amz-account-id" in request.headers
        and request.path.startswith("/v20180820")
    ):
        return "s3control"
    return name


def _scope_service(request: HttpRequest) -> str | None:
    """The service in `Credential=AKID/date/region/service/aws4_request`; None for unsigned requests."""
    header = request.headers.get("authorization")
    if header is not None:
        start = header.find("Credential=")
        if start < 0:
            return None
        parts = header[start + 11 : header.find(",", start)].split("/")
        return parts[-2] if len(parts) >= 5 else None
    if "X-Amz-Credential" in request.query:
        for name, value in parse_qsl(request.query):
            if name == "X-Amz-Credential":
                parts = value.split("/")
                return parts[-2] if len(parts) >= 5 else None
    return None


def _service(request: HttpRequest, name: str) -> Route:
    if name == "s3" and request.method == "OPTIONS":
        return Route("endpoint", "s3", request, endpoint="s3-options")
    return Route("service", name, request)
