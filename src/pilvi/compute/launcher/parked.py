"""A Python runtime that is nobody's yet: it rehearses, waits to be told whose it is, and becomes that.

A fork shares the zygote's memory until it touches it, and most of what the first milliseconds of a function take is
pages that are copied, one by one. So it does once, for nobody, what every function does first.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any, NoReturn

from pilvi.compute.launcher.runtime import become_function, run_function

GO_AHEAD = b"go"
"""Told behind the line that says whose runtime it is: all doors are shut, and the function's files are there."""

_REHEARSED = "colorsys"
"""A small module that nobody has loaded."""
_FUNCTION = "def handler(event, context):\n    return event\n"


def run_parked(request: dict[str, Any]) -> NoReturn:
    """Wait on standard input to be told whose runtime this is, then for the word to go ahead. Never returns."""
    environment: dict[str, str] = request["environment"]
    waiting = open(os.dup(0), "rb")  # noqa: SIM115
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    _rehearse(environment)
    with waiting:
        told = waiting.readline()
        if not told:
            os._exit(0)  # the sandbox ends
        function: dict[str, Any] = json.loads(told)
        kept = "_LAMBDA_TELEMETRY_LOG_FD"
        become_function(function["handler"], {**function["environment"], kept: environment[kept]})
        if waiting.read() != GO_AHEAD:
            os._exit(0)
    run_function(function["handler"], function["directory"])


def _rehearse(environment: dict[str, str]) -> None:
    """Touch what loading a function and running it touches."""
    become_function("", environment)
    import runtime_client
    from awslambdaric import bootstrap

    runtime_client.connect()  # pyright: ignore[reportUnknownMemberType]
    importlib.import_module(_REHEARSED)
    del sys.modules[_REHEARSED]
    exec(compile(_FUNCTION, _REHEARSED, "exec"), {})
    bootstrap.handle_event_request(  # pyright: ignore[reportUnknownMemberType]
        _Audience(),
        _act,
        *("", b'{"rehearsed": [true]}', "application/json", None, None, "", 0, None),
        bootstrap.StandardLogSink(),
    )


def _act(event: object, _context: object) -> object:
    return event


class _Audience:
    """The Runtime API of a rehearsal."""

    def __init__(self) -> None:
        from awslambdaric import lambda_runtime_marshaller

        self.marshaller = lambda_runtime_marshaller.LambdaMarshaller()

    def post_invocation_result(self, *_told: object) -> None:
        json.dumps({})
