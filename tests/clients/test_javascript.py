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
