"""`pilvi lambda debug` with a real debugger: debugpy's adapter, spoken to as an editor speaks to it."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from lambda_.support import Functions, package
from terminals import Person, Watch

SOURCE = """\
def handler(event, context):
    secret = event["n"] * 2
    return secret
"""


class Editor:
    """The side of the debug adapter protocol that editors have."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "debugpy.adapter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._numbers = itertools.count(1)
        self._said: list[Any] = []

    def ask(self, command: str, **arguments: Any) -> int:
        number = next(self._numbers)
        message = {"seq": number, "type": "request", "command": command, "arguments": arguments}
        content = json.dumps(message).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self._process.stdin.flush()
        return number

    def wait(self, **wanted: Any) -> Any:
        """The first message with these members; what comes before is kept."""
        for message in self._said:
            if wanted.items() <= message.items():
                self._said.remove(message)
                return message
        while True:
            message = self._read()
            if wanted.items() <= message.items():
                return message
            self._said.append(message)

    def answer(self, command: str, **arguments: Any) -> Any:
        answer = self.wait(request_seq=self.ask(command, **arguments))
        assert answer["success"], answer
        return answer.get("body")

    def _read(self) -> Any:
        assert self._process.stdout is not None
        length = 0
        while (line := self._process.stdout.readline().strip()) != b"":
            length = int(line.partition(b":")[2])
        assert length, "the adapter has ended"
        return json.loads(self._process.stdout.read(length))

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_debugger_stops_a_function_and_lets_it_go_on(person: Person, tmp_path: Path) -> None:
    """The function waits for the debugger, stops at the breakpoint, shows its variables, and is not out of time."""
    person.functions.create("mine", package(SOURCE), Timeout=1)
    port = free_port()
    debugged = Watch(person, "debug", "mine", "--port", str(port))
    configuration = debugged.line()["configuration"]
    assert configuration["listen"]["port"] == port
    said = person.types("debug", "mine", fails=True)[1]
    assert "mine is debugged already, by process" in said
    answers: list[Any] = []
    invoked = threading.Thread(
        target=lambda: answers.append(person.functions.invoke("mine", {"n": 21}))
    )
    invoked.start()  # before anybody listens
    editor = Editor()
    try:
        editor.answer("initialize", adapterID="debugpy", pathFormat="path")
        mapping = {"localRoot": str(tmp_path), "remoteRoot": "/var/task"}
        attached = editor.ask(
            "attach", listen=configuration["listen"], pathMappings=[mapping], justMyCode=True
        )
        editor.wait(event="initialized")
        (tmp_path / "app.py").write_text(SOURCE)
        place = {"path": str(tmp_path / "app.py")}
        editor.answer("setBreakpoints", source=place, breakpoints=[{"line": 3}])
        editor.answer("configurationDone")
        assert editor.wait(request_seq=attached)["success"]
        stopped = editor.wait(event="stopped")["body"]
        assert stopped["reason"] == "breakpoint"
        frame = editor.answer("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]
        assert (frame["name"], frame["line"], frame["source"]["path"]) == (
            "handler",
            3,
            place["path"],
        )
        found = editor.answer("evaluate", expression="secret", frameId=frame["id"])
        assert found["result"] == "42"
        left = "context.get_remaining_time_in_millis()"
        assert (
            int(editor.answer("evaluate", expression=left, frameId=frame["id"])["result"]) > 60_000
        )
        editor.answer("setExpression", expression="secret", value="7", frameId=frame["id"])
        assert invoked.is_alive()
        editor.answer("continue", threadId=stopped["threadId"])
        invoked.join(30)
        assert answers == [7]
    finally:
        editor.end()
    debugged.end()
    assert person.functions.invoke("mine", {"n": 1}) == 2


def test_what_cannot_be_debugged_is_refused(person: Person) -> None:
    functions: Functions = person.functions
    functions.create("node", package(index__js=""), Runtime="nodejs22.x", Handler="index.handler")
    said = person.types("debug", "node", fails=True)[1]
    assert "debugging functions of nodejs22.x is not built" in said
    wrapper = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/mine"}}
    functions.create("wrapped", package("def handler(e, c): pass\n"), Environment=wrapper)
    assert "a wrapper of its own" in person.types("debug", "wrapped", fails=True)[1]
