"""The AWS SDK for JavaScript v3, from npm, unchanged but for the endpoint."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

from persons import Person
from servers import Server

HERE = Path(__file__).parent / "javascript"


def test_the_javascript_sdk_does_the_main_operations(
    own_server: Callable[..., Server], account: str
) -> None:
    server = own_server()
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.mjs", "export const handler = async (e) => ({ twice: 2 * e.n });")
    server.client("lambda", account).create_function(
        FunctionName="twice",
        Runtime="nodejs20.x",
        Handler="index.handler",
        Role=f"arn:aws:iam::{account}:role/r",
        Code={"ZipFile": code.getvalue()},
    )
    ran = subprocess.run(
        ["node", "smoke.mjs", server.url, account, "twice"],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "account": account,
        "bytes": [2, 255],
        "order": ["1", "2", "3"],
        "body": "hello",
        "metadata": {"colour": "blue"},
        "length": 5,
        "keys": ["a/ä b+c.txt"],
        "presigned": "hello",
        "error": "NoSuchKey",
        "answer": {"twice": 40},
    }


def test_objects_travel_in_parts_and_by_signed_urls_and_forms(
    endpoint: str, ann: Person, account: str
) -> None:
    ran = subprocess.run(
        ["node", "storage.mjs", endpoint, account, *ann.keys.values()],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "parts": "-3",
        "same": True,
        "end": [11, 11, 11],
        "copied": {"note": "x"},
        "put": 200,
        "changed": 403,
        "said": [{"a": "b c"}, "STANDARD_IA", 8],
        "posted": [204, 400],
        "listed": ["large", "posted", "put", "ä/c+d e"],
    }


def test_the_document_client_keeps_values_as_they_are(endpoint: str, ann: Person) -> None:
    ran = subprocess.run(
        ["node", "documents.mjs", endpoint, *ann.keys.values()],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "values": {
            "large": "12345678901234567890123456789012345678",
            "big": "12345678901234567890",
            "bytes": [0, 255],
            "no": False,
            "nothing": None,
            "left": False,
            "words": ["a", "b"],
            "numbers": [1, 2.5],
            "map": {"list": [1, "two", {"three": 3}], "empty": {}, "none": []},
        },
        "refused": ["ConditionalCheckFailedException", {"N": "1.5"}, 3],
        "updated": {
            "n": 1,
            "words": ["a", "b", "c"],
            "map": {"list": [1, 2, {"three": 3}], "none": []},
        },
        "batch": [3, 4],
        "pages": [[25, 58], [25, 32], [4, 8]],
        "index": 30,
        "scanned": 61,
        "together": [{"p": "t", "s": 1, "list": []}, None],
        "cancelled": ["TransactionCanceledException", ["None", "ConditionalCheckFailed"]],
        "statement": [{"s": 58, "g": "even"}, {"s": 59, "g": "odd"}],
        "gone": {"p": "t", "s": 1, "list": []},
    }
