"""One scenario of Lambda's: requests with labels, and functions made as they were recorded."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any, cast

from botocore.exceptions import ClientError, ParamValidationError

from recordings.rebuilt import Rebuilt

Scenario = Callable[["Story"], None]
SCENARIOS: Rebuilt[Scenario] = Rebuilt()
scenario = SCENARIOS.named

_CREATED = (
    *("Runtime", "Handler", "Timeout", "MemorySize", "Description", "Environment"),
    *("SnapStart", "VpcConfig", "LoggingConfig", "Architectures"),
)
"""Members of a recorded answer that say what was asked for."""


def code(returns: int = 1) -> bytes:
    """A package; of another number, another one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for module in ("handler", "index"):
            entry = zipfile.ZipInfo(f"{module}.py", (2026, 1, 1, 0, 0, 0))
            archive.writestr(entry, f"def handler(event, context):\n    return {returns}\n")
    return buffer.getvalue()


class Story:
    """story("label", "get_function", FunctionName=...): asks, and keeps the answer under its label."""

    def __init__(
        self, make: Callable[..., Any], account: str, name: str, recorded: dict[str, Any]
    ) -> None:
        self.make = make
        self.account = account
        self.name = name
        """The scenario's."""
        self.parameter = name.partition("[")[2].rstrip("]")
        self.recorded = recorded
        self.lambda_ = make("lambda")
        self.said: dict[str, Any] = {}
        self.role = f"arn:aws:iam::{account}:role/lambda-role"

    def __call__(self, label: str, operation: str, **params: Any) -> Any:
        answer = self.ask(operation, **params)
        self.said[label] = answer
        return answer

    def ask(self, operation: str, **params: Any) -> Any:
        try:
            answer = getattr(self.lambda_, operation)(**params)
        except ClientError as error:
            answer = error.response
        except ParamValidationError as error:
            return str(error)
        answer = cast("dict[str, Any]", answer)
        for member in ("Policy", "Statement"):  # recorded as what they say
            if isinstance(answer.get(member), str):
                answer[member] = json.loads(answer[member])
        return answer

    def do(self, operation: str, **params: Any) -> Any:
        return getattr(self.lambda_, operation)(**params)

    def create(self, label: str | None = None, name: str = "f", **params: Any) -> Any:
        """A function as the answer with that label was recorded. `label`: None for one that was not."""
        found = self.recorded.get(label or "", {})
        recorded: dict[str, Any] = found if isinstance(found, dict) else {}
        wrapped = "CreateFunctionResponse" in recorded
        recorded = recorded.get("CreateFunctionResponse", recorded)
        asked: dict[str, Any] = {
            "Runtime": "python3.12",
            "Handler": "handler.handler",
            "Timeout": 30,
            "Environment": {"Variables": {}},
            **({"Environment": None} if recorded and "Environment" not in recorded else {}),
            **{member: recorded[member] for member in _CREATED if recorded.get(member)},
            **params,
        }
        asked["LoggingConfig"] = {
            key: value
            for key, value in asked.get("LoggingConfig", {}).items()
            if key != "LogGroup" and asked["LoggingConfig"].get("LogFormat") == "JSON"
        } or None
        asked = {key: value for key, value in asked.items() if value is not None}
        snap: Any = asked.get("SnapStart")
        if snap:
            asked["SnapStart"] = {"ApplyOn": snap["ApplyOn"]}
        package = {
            "Code": asked.pop("Code", {"ZipFile": code()}),
            "Role": asked.pop("Role", self.role),
        }
        answer = self.ask("create_function", FunctionName=name, **package, **asked)
        if label is not None:
            told = {"CreateEventSourceMappingResponse": None, "CreateFunctionResponse": answer}
            self.said[label] = told if wrapped else answer
        return answer

    def arn(self, name: str = "f", *, region: str = "us-east-1") -> str:
        return f"arn:aws:lambda:{region}:{self.account}:function:{name}"

    def layer(self, name: str, version: int | str = "") -> str:
        tail = f":{version}" if version else ""
        return f"arn:aws:lambda:us-east-1:{self.account}:layer:{name}{tail}"
