"""Node.js functions: ways to write a handler, ways to fail, and what console prints."""

from __future__ import annotations

import json
import re
import shutil
from typing import Any

import pytest

from compute.support import Room, text_of

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None, reason="there is no Node.js on this host"
)


def start(room: Room, source: str, *, file: str = "app.mjs", **members: Any) -> Any:
    files = {file: source, **members.pop("files", {})}
    return room.start(runtime="nodejs20.x", files=files, **members)


HANDLERS = {
    "CommonJS, a promise": ("app.js", "exports.handler = async (event) => event.n + 1"),
    "CommonJS, callback": (
        "app.cjs",
        "exports.handler = (event, context, done) => done(null, event.n + 1)",
    ),
    "CommonJS, callback later": (
        "app.js",
        "exports.handler = (event, context, done) => { setTimeout(() => done(null, event.n + 1), 5) }",
    ),
    "CommonJS, context.succeed": (
        "app.js",
        "exports.handler = (e, context) => context.succeed(e.n + 1)",
    ),
    "ESM, a promise": ("app.mjs", "export const handler = async (event) => event.n + 1"),
    "ESM, top-level await": (
        "app.mjs",
        "const one = await Promise.resolve(1); export const handler = async (event) => event.n + one",
    ),
    "ESM, default": ("app.mjs", "export default { handler: async (event) => event.n + 1 }"),
}


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler(room: Room, name: str) -> None:
    file, source = HANDLERS[name]
    function = start(room, source, file=file)
    assert [function({"n": n}) for n in (1, 5)] == [2, 6]


def test_a_module_by_its_package(room: Room) -> None:
    files = {
        "package.json": '{"type": "module"}',
        "lib/app.js": "import { one } from './one.js'; export const handler = async (e) => e.n + one",
        "lib/one.js": "export const one = 1",
    }
    function = room.start(runtime="nodejs20.x", files=files, handler="lib/app.handler")
    assert function({"n": 1}) == 2


def test_a_callback_waits_for_what_is_left_to_do(room: Room) -> None:
    """Unless the function waives it: then the answer is given at once, and the rest runs next time."""
    source = """
let late = 0;
exports.handler = (event, context, done) => {
  context.callbackWaitsForEmptyEventLoop = event.wait;
  setTimeout(() => { late += 1; }, 20);
  done(null, late);
  if (event.wait) setTimeout(() => console.log("late is", late), 30);
};
"""
    function = start(room, source, file="app.js")
    outcome = function.invoke({"wait": True})
    assert (outcome.payload, "late is 1" in text_of(outcome)) == (b"0", True)
    assert function({"wait": False}) == 1
    assert start(room, "exports.handler = () => {}", file="app.js")() is None


FAILURES = {
    # name: (file, source, type, message, whether it lives on)
    "throws": (
        "app.js",
        "exports.handler = () => { throw new RangeError('no') }",
        "RangeError",
        "no",
        True,
    ),
    "rejects": (
        "app.mjs",
        "export const handler = async () => { throw new TypeError('no') }",
        "TypeError",
        "no",
        True,
    ),
    "calls back with an error": (
        "app.js",
        "exports.handler = (e, c, done) => done(new Error('no'))",
        "Error",
        "no",
        True,
    ),
    "calls back with a string": (
        "app.js",
        "exports.handler = (e, c, done) => done('no')",
        "string",
        "no",
        True,
    ),
    "throws later": (
        *(
            "app.js",
            "exports.handler = (e, c, d) => { setTimeout(() => { throw new Error('no') }, 1) }",
        ),
        *("Error", "no", False),
    ),
    "rejects unseen": (
        *(
            "app.js",
            "exports.handler = (e, c, d) => { Promise.reject(new Error('no')); setTimeout(d, 1000) }",
        ),
        *("Runtime.UnhandledPromiseRejection", "Error: no", False),
    ),
    "has no handler": (
        *("app.js", "exports.other = 1", "Runtime.HandlerNotFound"),
        *("app.handler is undefined or not exported", False),
    ),
    "imports what is missing": (
        *("app.mjs", "import 'missing'", "Runtime.ImportModuleError"),
        *("Error: Cannot find package 'missing' imported from /var/task/app.mjs", False),
    ),
    "is not there": (
        "other.js",
        "",
        "Runtime.ImportModuleError",
        "Error: Cannot find module 'app'",
        False,
    ),
    "is no JavaScript": (
        *("app.js", "exports.handler = (", "Runtime.UserCodeSyntaxError"),
        *("SyntaxError: Unexpected end of input", False),
    ),
    "throws at its beginning": ("app.mjs", "throw new Error('no')", "Error", "no", False),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure(room: Room, name: str) -> None:
    file, source, error_type, message, lives = FAILURES[name]
    function = start(room, source, file=file)
    outcome = function.invoke({})
    document = json.loads(outcome.payload)
    assert (document["errorType"], document["errorMessage"]) == (error_type, message)
    assert isinstance(document["trace"], list)
    assert outcome.error == "Unhandled"
    assert "\tERROR\t" in text_of(outcome)
    if lives:
        assert function.environment.alive


def test_the_process_ends(room: Room) -> None:
    outcome = start(room, "export const handler = () => process.exit(9)").invoke()
    assert b"Runtime exited with error: exit status 9" in outcome.payload


def test_console(room: Room) -> None:
    source = """
console.log("while it begins");
export const handler = async () => {
  console.log("two\\nlines", { a: [1, "b"] });
  console.warn("warned");
  process.stdout.write("raw\\n");
  return new Error().stack.includes("/var/task/app.mjs");
};
"""
    outcome = start(room, source).invoke()
    name, text = outcome.request_id, text_of(outcome)
    instant = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    lines = [line for _, line in outcome.log_lines]
    assert any(
        re.fullmatch(rf"{instant}\t{name}\tINFO\ttwo\nlines {{ a: \[ 1, 'b' \] }}\n", line)
        for line in lines
    )
    assert any(re.fullmatch(rf"{instant}\t{name}\tWARN\twarned\n", line) for line in lines)
    assert re.search(rf"{instant}\tundefined\tINFO\twhile it begins\nSTART ", text)
    assert "raw\n" in lines


def test_much_is_logged_through_a_full_pipe(room: Room) -> None:
    """Node makes the pipe non-blocking once stdout is used; a log that does not fit must wait, not fail."""
    source = """
export const handler = async () => {
  process.stdout.write("begun\\n");
  for (let n = 0; n < 40; n++) console.log("x".repeat(50_000));
};
"""
    outcome = start(room, source).invoke()
    assert outcome.error is None, outcome.payload
    assert text_of(outcome).count("x" * 50_000) == 40


def test_its_context_and_its_walls(room: Room) -> None:
    source = """
import fs from "node:fs";
import net from "node:net";
const attempt = (what) => { try { return what(); } catch (error) { return error.code; } };
export const handler = async (event, context) => [
  context.awsRequestId, context.memoryLimitInMB, context.getRemainingTimeInMillis() > 5000,
  process.env.AWS_EXECUTION_ENV, process.env.NODE_PATH, process.execPath, process.cwd(),
  attempt(() => fs.readFileSync("/etc/shadow")),
  attempt(() => fs.writeFileSync("/var/task/x", "")),
  fs.readdirSync("/var/lang"), fs.readdirSync("/proc").filter((name) => /^\\d+$/.test(name)).length,
  fs.readFileSync("/proc/self/status", "utf8").match(/CapEff:\\s*(\\w+)/)[1],
];
"""
    function = start(room, source, layer_dirs=())
    outcome = function.invoke()
    assert json.loads(outcome.payload) == [
        *(outcome.request_id, "128", True, "AWS_Lambda_nodejs20.x"),
        "/opt/nodejs/node20/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task",
        *("/var/lang/bin/node", "/var/task", "ENOENT", "EROFS", ["bin"], 2, "0" * 16),
    ]


def test_events_and_answers_arrive_whole(room: Room) -> None:
    function = start(room, "export const handler = async (event) => event", memory_mb=512)
    for payload in ("\u00e4\U0001f600", "x" * 5_000_000, {"a": [1, None]}, None):
        assert function(payload) == payload
    outcome = start(
        room, "export const handler = async () => 'x'.repeat(7e6)", memory_mb=512
    ).invoke()
    assert outcome.error_type == "Function.ResponseSizeTooLarge"


def test_names_of_pilvi_resolve(room: Room) -> None:
    source = """
import dns from "node:dns/promises";
const named = async (name) => { try { return (await dns.lookup(name)).address; } catch (e) { return e.code; } };
export const handler = (event) => Promise.all(event.map(named));
"""
    names = [
        "localhost",
        "bucket.localhost",
        "a.b.localhost",
        "example.org",
        "localhost.example.org",
    ]
    found = start(room, source)(names)
    assert found == ["127.0.0.1", "127.0.0.1", "127.0.0.1", "ENOTFOUND", "ENOTFOUND"]
