"""Functions that attack the server that runs them, through what it serves inside their sandboxes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from lambda_.support import Functions, package

EVALUATE = package(
    "import http.client, json, os, socket, subprocess, sys, time\n"
    "def handler(event, context):\n"
    "    scope = dict(globals())\n"
    "    exec(event['code'], scope)\n"
    "    return scope['answer']\n"
)


@pytest.fixture
def attack(client: Callable[..., Any], account: str) -> Callable[..., Any]:
    """attack(code): the value of `answer` after the code, run in a function."""
    functions = Functions(client("lambda", read_timeout=60), account)
    functions.create("hostile", EVALUATE, Timeout=30)
    return lambda code, **event: functions.invoke("hostile", {"code": code, **event})


ASK = """
from urllib.parse import urlsplit
place = urlsplit(os.environ['AWS_ENDPOINT_URL'])

def ask(method, path, headers={}, body=None):
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(500).decode('utf-8', 'replace')
    finally:
        connection.close()
"""


def test_pilvis_own_endpoints_are_not_for_functions(
    attack: Callable[..., Any], server: Any
) -> None:
    """They reset and stop the server; on this machine some of them ask for no key."""
    code = (
        ASK
        + """
answer = {}
for method, path in (
    ('POST', '/_pilvi/reset'), ('POST', '/_localstack/state/reset'), ('POST', '/_pilvi/clock'),
    ('GET', '/_pilvi/clock'),
    ('GET', '/_pilvi/status'), ('GET', '/_pilvi/trace/x'), ('POST', '/_pilvi/idle'), ('GET', '/_pilvi/scrub'),
    ('GET', '/_pilvi/metrics'), ('GET', '/metrics'),
):
    answer[f'{method} {path}'] = ask(method, path)[0]
"""
    )
    answered = attack(code)
    assert not [path for path, status in answered.items() if status < 400], answered


def test_without_credentials_that_were_issued_it_is_nobody(
    attack: Callable[..., Any], client: Callable[..., Any], account: str
) -> None:
    """Outside, on this machine, unknown keys act as root of their account. Inside, a function would become root so."""
    client("dynamodb").create_table(
        TableName="secrets",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    code = (
        ASK
        + """
scope = event['account'] + '/20260101/us-east-1/dynamodb/aws4_request'
headers = {
    'authorization': f'AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00',
    'x-amz-date': '20260101T000000Z', 'content-type': 'application/x-amz-json-1.0',
    'x-amz-target': 'DynamoDB_20120810.ListTables',
}
answer = [ask('POST', '/', headers, '{}')]
del headers['authorization']
answer.append(ask('POST', '/', headers, '{}'))
"""
    ).replace("event['account']", repr(account))
    for status, text in attack(code):
        assert 400 <= status < 500, text
        assert "secrets" not in text


def test_connections_to_pilvi_are_counted_for_each_function(
    attack: Callable[..., Any], client: Callable[..., Any], server: Any
) -> None:
    """One function that opens all it can leaves the server its descriptors, and others their answers."""
    descriptors = f"/proc/{server.process.pid}/fd"
    before = len(os.listdir(descriptors))
    code = (
        ASK
        + """
import builtins
builtins.kept = []
for number in range(900):
    try:
        builtins.kept.append(socket.create_connection((place.hostname, place.port), timeout=5))
        builtins.kept[-1].sendall(b'GET / HTTP/1.1\\r\\nhost: a\\r\\nx-slow: ')
    except OSError:
        pass
answer = len(builtins.kept)
"""
    )
    assert attack(code) > 0
    assert len(os.listdir(descriptors)) - before < 300
    client("dynamodb").list_tables()


def test_one_that_forks_and_eats_leaves_others_alone(
    client: Callable[..., Any], account: str
) -> None:
    functions = Functions(client("lambda", read_timeout=60), account)
    functions.create("bomb", EVALUATE, Timeout=1)
    functions.create("other", EVALUATE)
    code = """
import signal
for _ in range(200):
    if os.fork() == 0:
        while True:
            signal.pause()
kept = []
while True:
    kept.append(b'x' * (1 << 20))
"""
    response = functions.client.invoke(
        FunctionName="bomb", Payload=json.dumps({"code": code}).encode()
    )
    document = json.loads(response["Payload"].read())
    assert response["FunctionError"] == "Unhandled"
    assert document["errorType"] in ("Runtime.ExitError", "Sandbox.Timedout")
    assert functions.invoke("other", {"code": "answer = 1"}) == 1
