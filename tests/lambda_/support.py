"""What the tests of Lambda share: packages, and a client that creates functions of them."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any


def role_of(account: str) -> str:
    return f"arn:aws:iam::{account}:role/lambda-role"


def package(source: str | None = None, **files: str | bytes) -> bytes:
    """A zip file: `source` as app.py, the others by name with `__` for a dot; executable."""
    contents: dict[str, str | bytes] = {
        name.replace("__", "."): content for name, content in files.items()
    }
    if source is not None:
        contents["app.py"] = source
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


class Functions:
    """boto3's Lambda client, and the two things that every test does with it."""

    def __init__(self, client: Any, account: str) -> None:
        self.client = client
        self.account = account

    def create(self, name: str, zipped: bytes, **request: Any) -> Any:
        asked = {
            "Runtime": "python3.11",
            "Handler": "app.handler",
            "Role": role_of(self.account),
            "Timeout": 10,
            **request,
        }
        return self.client.create_function(FunctionName=name, Code={"ZipFile": zipped}, **asked)

    def invoke(self, name: str, event: Any = None, **request: Any) -> Any:
        """The answer, parsed; asserts that the function did not fail."""
        response = self.client.invoke(
            FunctionName=name, Payload=json.dumps(event or {}).encode(), **request
        )
        answer = response["Payload"].read()
        assert "FunctionError" not in response, answer
        return json.loads(answer) if answer else None


def log_of(response: Any) -> str:
    return base64.b64decode(response["LogResult"]).decode()
