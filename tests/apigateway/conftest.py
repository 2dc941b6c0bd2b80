"""A function behind all APIs of these tests: made once, in an account of their own."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

ACCOUNT = "990000000001"

CODE = '''
import json, time

def handler(event, context):
    """Tells the event, or does what the last part of the path says."""
    path = event.get("rawPath") or event["path"]
    if path.endswith("/returns"):
        return json.loads(event["body"])
    if path.endswith("/fails"):
        raise ValueError("as asked")
    if path.endswith("/sleeps"):
        time.sleep(float((event["queryStringParameters"] or {})["s"]))
    return {"statusCode": 200, "body": json.dumps(event),
            "headers": {"Content-Type": "application/json"}}
'''


@pytest.fixture(scope="session")
def function_arn(server: Any) -> Iterator[str]:
    """Invocable by every API of the account."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", CODE)
    functions = server.client("lambda", ACCOUNT)
    made = functions.create_function(
        FunctionName="told",
        Runtime="python3.11",
        Role=f"arn:aws:iam::{ACCOUNT}:role/r",
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    functions.add_permission(
        FunctionName="told",
        StatementId="apis",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:{ACCOUNT}:*",
    )
    yield made["FunctionArn"]
    functions.delete_function(FunctionName="told")


@pytest.fixture
def v2(server: Any) -> Any:
    return server.client("apigatewayv2", ACCOUNT)


@pytest.fixture
def v1(server: Any) -> Any:
    return server.client("apigateway", ACCOUNT)
