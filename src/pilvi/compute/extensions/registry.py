"""The Extensions API of one environment: who registered, who is ready, who is told what.

Not for: processes (`environment.py` starts and ends them), or telemetry (`telemetry.py`).
AWS: Lambda Developer Guide, "Using the Lambda Extensions API to create extensions". States, errors and their words are
those of AWS's runtime interface emulator.

    Started -> Registered -> Ready -> Running -> Ready ...   (a GET of /event/next makes it Ready, an event Running)
    Registered -> InitError; Registered, Ready, Running -> ExitError
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Literal, Protocol, cast

import orjson

from pilvi.base.entropy import Entropy

EXTENSIONS_MAX = 10
_EVENTS = ("INVOKE", "SHUTDOWN")
_NAME = b"lambda-extension-name"
_IDENTIFIER = b"lambda-extension-identifier"
_ERROR_TYPE = b"lambda-extension-function-error-type"
_FEATURES = b"lambda-extension-accept-feature"
_NOT_ALLOWED = "State transition is not allowed"

State = Literal["Started", "Registered", "Ready", "Running", "InitError", "ExitError"]


class Connection(Protocol):
    """One HTTP connection of an extension."""

    method: str
    path: bytes
    extension_headers: dict[bytes, str]

    def body(self) -> bytes: ...
    def answer(self, status: int, document: object, headers: dict[str, str]) -> None: ...
    def refuse(self, status: int, error_type: str, message: str) -> None: ...


class Extension:
    def __init__(self, name: str, identifier: str, *, external: bool) -> None:
        self.name = name
        self.identifier = identifier
        self.external = external
        self.state: State = "Started"
        self.events: list[str] = []
        self.error_type: str | None = None
        self.waiting: Connection | None = None
        """Its GET of /event/next, while it is Ready."""


class Registry:
    """`expected`: the names of the external ones, which register before the runtime starts."""

    def __init__(
        self,
        expected: tuple[str, ...],
        described: dict[str, str],
        entropy: Entropy,
        *,
        on_registered: Callable[[], None],
        on_ready: Callable[[], None],
        on_failed: Callable[[str, str], None],
        subscribe: Callable[[Connection, Extension | None], None],
    ) -> None:
        """`described`: what a registration is answered with; `accountId` of it only to who asks for it.

        `on_registered`: all external ones have. `on_ready`: everybody waits for the next event. `on_failed`: an
        extension said that it cannot go on; the kind of the error, and what it said. `subscribe`: to telemetry.
        """
        self._entropy = entropy
        self._described = described
        self._on_registered = on_registered
        self._on_ready = on_ready
        self._on_failed = on_failed
        self._subscribe = subscribe
        self.closed = False
        """Nobody registers any more: the runtime is ready."""
        self._last: dict[str, Any] | None = None
        """The shutdown's event, for who asks for it later."""
        self.all = [self._make(name, external=True) for name in expected]

    def _make(self, name: str, *, external: bool) -> Extension:
        return Extension(name, self._entropy.uuid(), external=external)

    @property
    def all_ready(self) -> bool:
        return all(one.state == "Ready" for one in self.all)

    @property
    def external(self) -> list[Extension]:
        return [one for one in self.all if one.external]

    def request(self, connection: Connection) -> None:
        path = connection.path.partition(b"?")[0].rstrip(b"/")
        match connection.method, path:
            case "POST", b"/2020-01-01/extension/register":
                self._register(connection)
            case "GET", b"/2020-01-01/extension/event/next":
                self._next(connection)
            case "POST", b"/2020-01-01/extension/init/error":
                self._failed(connection, "InitError")
            case "POST", b"/2020-01-01/extension/exit/error":
                self._failed(connection, "ExitError")
            case "PUT", b"/2022-07-01/telemetry" | b"/2020-08-15/logs":
                if (identifier := self._identifier(connection)) is not None:
                    self._subscribe(connection, self._find(identifier))
            case _:
                connection.refuse(404, "NotFound", "No such resource of the Extensions API.")

    def invoke(self, event: dict[str, Any]) -> None:
        """Tell everybody who asked for it of an invocation."""
        self._send("INVOKE", event)

    def shut_down(self, reason: str, deadline_ms: int) -> None:
        event = {
            "eventType": "SHUTDOWN",
            "deadlineMs": deadline_ms,
            "shutdownReason": reason,
        }
        self._last = event
        self._send("SHUTDOWN", event)

    def lost(self, connection: object) -> None:
        for one in self.all:
            if one.waiting is connection:
                one.waiting = None

    def _send(self, kind: str, event: dict[str, Any]) -> None:
        for one in self.all:
            waiting = one.waiting
            if kind in one.events and one.state == "Ready" and waiting is not None:
                one.state, one.waiting = "Running", None
                headers = {
                    "Lambda-Extension-Identifier": one.identifier,
                    "Lambda-Extension-Event-Identifier": self._entropy.uuid(),
                }
                waiting.answer(200, event, headers)

    def _register(self, connection: Connection) -> None:
        name = connection.extension_headers.get(_NAME, "")
        if not name:
            connection.refuse(403, "Extension.InvalidExtensionName", "Empty extension name")
            return
        try:
            asked: Any = orjson.loads(connection.body())
            listed: Any = asked.get("events") or []
            keys: Any = asked.get("configurationKeys")
            assert isinstance(listed, list)
            events = cast(list[Any], listed)
        except (orjson.JSONDecodeError, AttributeError, AssertionError) as error:
            connection.refuse(403, "InvalidRequestFormat", str(error) or "events must be a list")
            return
        if keys:
            text = "configurationKeys are deprecated; use environment variables instead"
            connection.refuse(403, "InvalidRequestFormat", text)
            return
        found = next((one for one in self.external if one.name == name), None)
        if not self._are_valid(connection, events, external=found is not None):
            return
        extension = found or self._internal(connection, name)
        if extension is None:
            return
        if extension.state != "Started":
            self._refuse_transition(connection, extension, "Registered", extension.name)
            return
        extension.state, extension.events = "Registered", list(dict.fromkeys(events))
        features = connection.extension_headers.get(_FEATURES, "").split(",")
        described = dict(self._described)
        if "accountId" not in [feature.strip() for feature in features]:
            del described["accountId"]
        headers = {"Lambda-Extension-Identifier": extension.identifier}
        connection.answer(200, described, headers)
        if found is not None and all(one.state != "Started" for one in self.external):
            self._on_registered()

    def _are_valid(self, connection: Connection, events: list[Any], *, external: bool) -> bool:
        for event in events:
            problem = None
            if event not in _EVENTS:
                problem = "ErrorInvalidEventType"
            elif event == "SHUTDOWN" and not external:
                problem = "ShutdownEventNotSupportedForInternalExtension"
            if problem is not None:
                connection.refuse(403, "Extension.InvalidEventType", f"{event}: {problem}")
                return False
        return True

    def _internal(self, connection: Connection, name: str) -> Extension | None:
        """A new internal extension, or None when it was refused."""
        if self.closed:
            kind, text = "RegistrationClosed", "Extension registration closed already"
        elif len(self.all) >= EXTENSIONS_MAX:
            kind, text = "TooManyExtensions", f"Extension limit ({EXTENSIONS_MAX}) reached"
        elif any(one.name == name for one in self.all):
            kind, text = "InvalidExtensionState", "Extension with this name already registered"
        else:
            extension = self._make(name, external=False)
            self.all.append(extension)
            return extension
        connection.refuse(403, f"Extension.{kind}", text)
        return None

    def _identifier(self, connection: Connection) -> str | None:
        """The one that was sent, or None when it was refused."""
        sent = connection.extension_headers.get(_IDENTIFIER, "")
        if not sent:
            text = "Missing Lambda-Extension-Identifier header"
            connection.refuse(403, "Extension.MissingExtensionIdentifier", text)
            return None
        try:
            return str(uuid.UUID(sent))
        except ValueError:
            text = "Invalid Lambda-Extension-Identifier"
            connection.refuse(403, "Extension.InvalidExtensionIdentifier", text)
            return None

    def _find(self, identifier: str) -> Extension | None:
        return next((one for one in self.all if one.identifier == identifier), None)

    def _next(self, connection: Connection) -> None:
        identifier = self._identifier(connection)
        if identifier is None:
            return
        extension = self._find(identifier)
        if extension is None:
            text = f"Unknown extension {identifier}"
            connection.refuse(403, "Extension.UnknownExtensionIdentifier", text)
            return
        again = extension.state == "Ready" and extension.waiting is None  # it hung up, and is back
        if extension.state not in ("Registered", "Running") and not again:
            self._refuse_transition(connection, extension, "Ready", identifier)
            return
        extension.state, extension.waiting = "Ready", connection
        if self._last is not None:
            self._send("SHUTDOWN", self._last)
            return
        if self.all_ready:
            self._on_ready()

    def _failed(self, connection: Connection, target: Literal["InitError", "ExitError"]) -> None:
        identifier = self._identifier(connection)
        if identifier is None:
            return
        error_type = connection.extension_headers.get(_ERROR_TYPE, "")
        if not error_type:
            text = "Lambda-Extension-Function-Error-Type not found"
            connection.refuse(403, "Extension.MissingHeader", text)
            return
        extension = self._find(identifier)
        if extension is None:
            text = "Unknown Lambda-Extension-Identifier"
            connection.refuse(403, "Extension.UnknownExtensionIdentifier", text)
            return
        allowed = ("Registered",) if target == "InitError" else ("Registered", "Ready", "Running")
        first = extension.state != target
        if first and extension.state not in allowed:
            state = target if target == "InitError" else "Exited"
            self._refuse_transition(connection, extension, state, identifier)
            return
        headers = {"Lambda-Extension-Identifier": identifier}
        connection.answer(202, {"status": "OK"}, headers)
        if first:
            extension.state, extension.error_type = target, error_type
            self._on_failed(f"Extension.{target}", error_type)

    def _refuse_transition(
        self, connection: Connection, extension: Extension, target: str, named: str
    ) -> None:
        connection.refuse(
            403,
            "Extension.InvalidExtensionState",
            f"State transition from {extension.state} to {target} failed for extension {named}."
            f" Error: {_NOT_ALLOWED}",
        )
