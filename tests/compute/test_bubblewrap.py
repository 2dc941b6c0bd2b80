"""The backend that has bubblewrap make the sandboxes: the same functions, the same walls, the same ends."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from collections.abc import Iterator

import pytest

from compute.support import EVALUATE, Evaluator, Room, processes_in, text_of, wait_until
from compute.test_isolation_escapes import ATTEMPTS, PRELUDE, leads_nowhere

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="there is no bubblewrap here")


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    made = Room(tmp_path_factory.mktemp("boxes"), backend="bubblewrap")
    if not made.run(made.backend.probe()).usable:
        pytest.skip("this host lets bubblewrap make no sandboxes")
    yield made
    made.close()
    assert os.listdir(made.place / "run") == [], "nothing is left"


@pytest.fixture(scope="module")
def boxed(boxes: Room) -> Evaluator:
    return Evaluator(boxes.start(EVALUATE, environment={"NAME": "value"}))


def test_a_function_finds_its_places(boxed: Evaluator) -> None:
    code = """
import boto3
answer = [os.environ['NAME'], os.environ['AWS_LAMBDA_RUNTIME_API'], os.getcwd(), boto3.__file__,
    os.getuid(), os.getppid(), socket.gethostname(), sorted(os.listdir('/var')), os.listdir('/.host')]
"""
    assert boxed(code) == [
        *("value", "169.254.100.1:9001", "/var/task", "/var/runtime/boto3/__init__.py"),
        *(993, 1, "169.254.100.1", ["lang", "runtime", "task"], []),
    ]
    assert "memory" in boxed.function.environment.stats().limits[0]


def test_the_same_ways_lead_nowhere(boxed: Evaluator) -> None:
    attempts = {name: textwrap.dedent(code).strip() for name, code in ATTEMPTS.items()}
    answers = boxed(PRELUDE, attempts=attempts)
    assert {name: said for name, said in answers.items() if not leads_nowhere(said)} == {}


def test_programs_run_too(boxes: Room) -> None:
    """The first process is a Python that a program of its own must not find any more."""
    bootstrap = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
exec /usr/bin/perl -MIO::Socket::INET -e '
my $s = IO::Socket::INET->new($ENV{AWS_LAMBDA_RUNTIME_API});
print $s "GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n";
my ($id, $length);
while (<$s>) { $id = $1 if /request-id: (\\S+)/i; $length = $1 if /content-length: (\\d+)/i; last if /^\\r$/; }
read($s, my $event, $length);
my $body = -e "/.host/usr" ? "1" : "[$event]";
print $s "POST /2018-06-01/runtime/invocation/$id/response HTTP/1.1\\r\\nHost: a\\r\\n";
print $s "Content-Length: " . length($body) . "\\r\\n\\r\\n$body";
<$s>; sleep 60;
'
"""
    if shutil.which("perl") is None:
        pytest.skip("there is no perl here")
    function = boxes.start(files={"bootstrap": bootstrap}, runtime="provided.al2023")
    assert function({"a": 1}) == [{"a": 1}]


def test_its_end_is_the_end_of_all(boxes: Room) -> None:
    function = boxes.start(EVALUATE)
    code = """
if os.fork() == 0:
    os.setsid()
    while True:
        signal.pause()
answer = os.readlink('/proc/self/ns/pid')
"""
    namespace = Evaluator(function)(code)
    wait_until(lambda: len(processes_in(namespace)) == 3, "the daemon is there")
    function.environment.freeze()
    function.kill()
    assert processes_in(namespace) == []


def test_ends_are_told_as_elsewhere(boxes: Room) -> None:
    outcome = boxes.start(EVALUATE).invoke({"code": "os.kill(os.getpid(), signal.SIGSEGV)"})
    message = "Runtime exited with error: signal: segmentation fault"
    assert json.loads(outcome.payload)["errorMessage"].endswith(message)
    assert "Runtime.ExitError" in text_of(outcome)
