"""What a function reaches of the cloud from inside its sandbox: the APIs as its role, and nothing as root."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lambda_.support import Functions, package

ASKS = """
import json, os, urllib.error, urllib.request
import boto3
from botocore.exceptions import ClientError

URL = os.environ["AWS_ENDPOINT_URL"]

def fetch(method, path, body=None, **headers):
    request = urllib.request.Request(URL + path, method=method, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code

def whoami(**keys):
    try:
        return boto3.client("sts", **keys).get_caller_identity()["Arn"]
    except ClientError as error:
        return error.response["Error"]["Code"]

def handler(event, context):
    return {
        "health": fetch("GET", "/_pilvi/health"),
        "own": {f"{m} {p}": fetch(m, p, b"{}") for m, p in event["own"]},
        "own keys": whoami(),
        "no one's keys": whoami(
            aws_access_key_id="999999999999", aws_secret_access_key="x", aws_session_token=None
        ),
    }
"""
OWN = [
    ("POST", "/_pilvi/reset"),
    ("POST", "/_localstack/state/reset"),
    ("POST", "/_pilvi/clock"),
    ("GET", "/_pilvi/clock"),
    ("POST", "/_pilvi/idle"),
    ("GET", "/_pilvi/status"),
    ("GET", "/_pilvi/trace/x"),
    ("GET", "/metrics"),
]


@pytest.fixture
def functions(client: Callable[..., Any], account: str) -> Functions:
    return Functions(client("lambda"), account)


def test_a_function_is_its_role_and_not_root(functions: Functions) -> None:
    """The open mode trusts whoever is at this machine. A function is not, so that inside its sandbox only
    issued keys count, and pilvi's own endpoints do not exist but for health."""
    functions.create("curious", package(ASKS), MemorySize=256)
    told = functions.invoke("curious", {"own": OWN})
    assert told["health"] == 200
    assert told["own"] == {f"{method} {path}": 403 for method, path in OWN}
    assert told["own keys"].endswith(":assumed-role/lambda-role/curious")
    assert told["no one's keys"] == "InvalidClientTokenId"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/_pilvi/clock", {"action": "advance", "by_ms": 10**18}),
        ("/_pilvi/clock", {"action": "advance", "by_ms": -1}),
        ("/_pilvi/clock", {"action": "freeze", "at_ms": 10**18}),
        ("/_pilvi/clock", {"action": "freeze", "at_ms": [1]}),
        ("/_pilvi/clock", {"action": "stop"}),
        ("/_pilvi/clock", []),
        ("/_pilvi/idle", {"timeout_s": "soon"}),
        ("/_pilvi/idle", {"timeout_s": -1}),
    ],
)
def test_own_endpoints_refuse_nonsense(server: Any, path: str, asked: object) -> None:
    """A clock behind the year 9999 has no date that answers could tell."""
    import urllib.error

    with pytest.raises(urllib.error.HTTPError) as caught:
        server.ask("POST", path, asked)
    assert caught.value.code == 400
    assert json.loads(caught.value.read())["__type"].endswith("BadRequestException")
