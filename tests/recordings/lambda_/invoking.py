"""One scenario of functions that run: what they answer, what they log, and what their addresses say."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from lambda_.support import package
from recordings.lambda_.story import Story
from recordings.rebuilt import Rebuilt

Scenario = Callable[["Invoking"], None]
INVOCATIONS: Rebuilt[Scenario] = Rebuilt()
invocation = INVOCATIONS.named
"""Which scenarios were rebuilt, by name."""

LATER = frozenset(
    {"Architectures", "EphemeralStorage", "LoggingConfig", "RuntimeVersionConfig", "SnapStart"}
)
"""Members of a function that AWS tells today and did not when some of the scenarios were recorded."""

_BARE = frozenset({"code-sha256", "event-id", "function-url", "log-result", "timestamp"})
_MEASURED = re.compile(r"((?:Duration|Max Memory Used): )[\d.]+")
_BUILD = re.compile(r"(Runtime Version: \w+:[\d.]+)\.v[^\t]+")
"""AWS's builds of a runtime have numbers; here it is an interpreter of the host."""
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Invoking(Story):
    def __init__(
        self,
        make: Callable[..., Any],
        account: str,
        name: str,
        recorded: dict[str, Any],
        clock: Any,
    ) -> None:
        super().__init__(make, account, name, recorded)
        self.clock = clock

    def ask(self, operation: str, **params: Any) -> Any:
        answer = super().ask(operation, **params)
        if "StatusCode" in answer and "Payload" in answer:
            answer["Payload"] = spelt(answer["Payload"].read())
        return answer

    def function(
        self, source: str, label: str | None = None, name: str = "f", **params: Any
    ) -> Any:
        """A Python function with this handler, or of a package of other files."""
        files = {f"{module}.py": source for module in ("handler", "index")}
        zipped = params.pop("zipped", None) or package(None, **_named(files))
        return self.create(label, name, Code={"ZipFile": zipped}, **params)

    def invoke(self, label: str | None = None, event: Any = None, **params: Any) -> Any:
        """What the function answers. `event`: bytes as they are, else JSON."""
        sent = event if isinstance(event, bytes) else json.dumps(event or {}).encode()
        request = {"FunctionName": "f", "Payload": sent, **params}
        answer = self.ask("invoke", **request)
        if label is not None:
            self.said[label] = answer
        return answer

    def logged(self, name: str = "f", *words: str) -> list[str]:
        """What is in the function's log, of these kinds only when any are named."""
        group = f"/aws/lambda/{name}"
        events = self.make("logs").filter_log_events(logGroupName=group)["events"]
        lines = [event["message"] for event in events]
        return [line for line in lines if not words or line.startswith(words)]

    def address(self, returns: str, **params: Any) -> str:
        """The address of a function that anybody may call."""
        self.function(returns, **params)
        url = {"FunctionName": "f", "AuthType": "NONE"}
        made = self("create_lambda_url_config", "create_function_url_config", **url)
        self.let_in()
        return made["FunctionUrl"]

    def let_in(self, **params: Any) -> None:
        request = {"FunctionName": "f", "Principal": "*", **params}
        self(
            "add_permission",
            "add_permission",
            StatementId="urlPermission",
            Action="lambda:InvokeFunctionUrl",
            FunctionUrlAuthType="NONE",
            **request,
        )
        self.do(
            "add_permission",
            StatementId="invoke",
            Action="lambda:InvokeFunction",
            InvokedViaFunctionUrl=True,
            **request,
        )


def call(
    url: str, path: str = "", method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """The status, the headers and the body; only these headers are sent, and the address's own host."""
    place = urlsplit(url)
    assert place.hostname is not None
    identifier = place.path.strip("/").rpartition("/")[2]
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    connection.putrequest(method, f"/{path}", skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", f"{identifier}.lambda-url.us-east-1.localhost")
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    answer = response.status, response.headers, response.read()
    connection.close()
    return answer


def spelt(payload: bytes) -> Any:
    """As it was recorded: what objects and lists say, the text of anything else."""
    text = payload.decode()
    return json.loads(text) if text[:1] in ("{", "[") else text


def tail(answer: Any) -> list[str]:
    """The lines of a log's tail, their dates by that name."""
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines(keepends=True)
    return [_DATE.sub("date", line) for line in lines]


def as_then(recorded: Any, said: Any) -> Any:
    """Without the members that were not told yet when the scenario was recorded."""
    if isinstance(said, list) and isinstance(recorded, list):
        return [as_then(*pair) for pair in zip(recorded, said, strict=False)] + said[
            len(recorded) :
        ]
    if not isinstance(said, dict) or not isinstance(recorded, dict):
        return said
    return {
        key: as_then(recorded.get(key), value)
        for key, value in said.items()
        if key in recorded or key not in LATER
    }


def placeholders(recorded: Any) -> Any:
    """With those that were recorded as bare words in the form of the others."""
    if isinstance(recorded, list):
        return [placeholders(one) for one in recorded]
    if isinstance(recorded, dict):
        return {key: placeholders(one) for key, one in recorded.items()}
    if not isinstance(recorded, str):
        return recorded
    if recorded in _BARE:
        return f"<{recorded}>"
    text = recorded.replace("<<code-sha-256>:1>", "<code-sha-256:1>")
    return _BUILD.sub(r"\1", _MEASURED.sub(r"\1<number>", text))


def _named(files: dict[str, str]) -> dict[str, str]:
    return {name.replace(".", "__"): text for name, text in files.items()}
