"""Snapshots that keep memory: a function is initialised once, and each environment goes on from a fork of that."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compute.support import Function, Room, processes_in, text_of, wait_until
from pilvi.compute.namespaces import NamespacesBackend
from pilvi.compute.template import Template

SOURCE = """
import os, random, secrets, socket, ssl, uuid
from snapshot_restore_py import register_after_restore, register_before_snapshot

drawn = secrets.token_hex()
generator = random.Random()
hooks = []
register_before_snapshot(lambda: hooks.append("before " + drawn))
register_after_restore(lambda: hooks.append("after"))
begun = open("/var/task/app.py")
begun.read(7)
with open("/tmp/left", "w") as file:
    file.write("from the initialisation")
os.mkdir("/tmp/own", 0o700)
os.symlink("left", "/tmp/link")
connection = socket.create_connection(("localhost", 4566))
print("initialised")

def attempt(what, *arguments):
    try:
        return what(*arguments)
    except OSError as error:
        return error.strerror

def handler(event, context):
    if event.get("code"):
        scope = dict(globals(), event=event)
        exec(event["code"], scope)
        return scope.get("answer")
    return {
        "drawn": drawn, "hooks": hooks, "begun": begun.read(4), "connection": attempt(connection.recv, 1),
        "each": [random.random(), str(uuid.uuid4()), secrets.token_hex(), ssl.RAND_bytes(8).hex()],
    }
"""


class Version:
    """One version, of which environments are made."""

    def __init__(self, room: Room, source: str = SOURCE, **members: Any) -> None:
        self._room = room
        self.first = room.start(source, initialization_type="snap-start", version="1", **members)

    def start(self) -> Function:
        environment = self._room.run(self._room.backend.start(self.first.environment.spec))
        function = Function(self._room, environment)
        self._room.functions.append(function)
        return function


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    made = Room(tmp_path_factory.mktemp("keeping"))
    made.run(_open(made))
    yield made
    made.close()


async def _open(room: Room) -> None:
    room.gate.opened.set()


@pytest.fixture
def version(keeping: Room) -> Iterator[Version]:
    yield Version(keeping)
    keeping.end_functions()


def asked(function: Function, code: str, **event: Any) -> Any:
    return function({"code": code, **event})


def template_of(room: Room, function: Function) -> Template:
    backend = room.backend
    assert isinstance(backend, NamespacesBackend)
    key = function.environment.spec.key
    return next(
        task.result() for task in backend._templates._made.values() if task.result().spec.key == key
    )


def test_it_is_initialised_once(version: Version) -> None:
    """What was drawn then is the same everywhere; what is drawn afterwards never is. Hooks run where they should, files
    are read on from where they were, connections have ended."""
    outcomes = [version.first.invoke({}), version.start().invoke({})]
    first, second = (json.loads(outcome.payload) for outcome in outcomes)
    assert first["drawn"] == second["drawn"]
    assert not set(first.pop("each")) & set(second.pop("each"))
    ended = {first.pop("connection"), second.pop("connection")}
    assert ended <= {"", "Connection reset by peer"}
    assert first == second
    assert first["hooks"] == [f"before {first['drawn']}", "after"]
    assert SOURCE[7:11] == first["begun"]
    began, restored = (text_of(outcome) for outcome in outcomes)
    words = (
        "INIT_START",
        "initialised\n",
        "INIT_REPORT",
        "RESTORE_START",
        "RESTORE_REPORT",
        "START RequestId",
    )
    places = [began.index(word) for word in words]
    assert places == sorted(places)
    assert "INIT_" not in restored
    assert "initialised" not in restored
    assert restored.startswith("RESTORE_START")
    assert "\tRestore Duration: " in restored.splitlines()[-1]


def test_nothing_is_shared_afterwards(version: Version) -> None:
    """Neither memory nor /tmp nor the network nor processes, in which each begins as the initialisation ended."""
    change = """
import socket
globals()["__builtins__"]["changed"] = True
with open("/tmp/left", "a") as file: file.write(", changed")
listener = socket.create_server(("127.0.0.1", 7777))
answer = os.getpid()
"""
    look = """
kinds = ("user", "mnt", "net", "ipc", "uts", "pid")
answer = {
    "changed": "changed" in globals()["__builtins__"], "left": open("/tmp/link").read(),
    "own": oct(os.stat("/tmp/own").st_mode), "connects": attempt(socket.create_connection, ("127.0.0.1", 7777)),
    "processes": sorted(name for name in os.listdir("/proc") if name.isdigit()),
    "namespaces": [os.readlink("/proc/self/ns/" + kind) for kind in kinds],
}
"""
    assert asked(version.first, change) == 2
    found = asked(version.start(), look)
    namespaces = found.pop("namespaces")
    assert found == {
        "changed": False,
        "left": "from the initialisation",
        "own": "0o40700",
        "connects": "Connection refused",
        "processes": ["1", "2"],
    }
    assert not set(namespaces) & set(
        asked(version.first, look.replace('"connects"', '"x"'))["namespaces"]
    )


def test_the_walls_stand(version: Version) -> None:
    """A fork has no rights in its namespaces, and cannot go into others; its first process cannot be looked at."""
    code = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def refused(name, *arguments):
    return getattr(libc, name)(*arguments), errno.errorcode[ctypes.get_errno()]
fields = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Threads")
told = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
answer = {
    "status": [told[field] for field in fields],
    "setns": refused("setns", os.open("/proc/self/ns/user", os.O_RDONLY), 0),
    "unshare": refused("unshare", 0x10000000),
    "ptrace": refused("ptrace", 16, 1, 0, 0),
    "write": attempt(open, "/var/task/x", "w"), "host": attempt(os.listdir, "/.host"),
    "first": attempt(os.listdir, "/proc/1/fd"), "kill": attempt(os.kill, 1, 9),
    "namespaces": attempt(open, "/proc/sys/user/max_user_namespaces", "w"),
    "most": open("/proc/sys/user/max_user_namespaces").read(),
    "masked": [os.path.getsize("/proc/cmdline"), len(open("/proc/keys").read()) if os.path.exists("/proc/keys") else 0],
    "mounts": sorted(line.split()[4] for line in open("/proc/self/mountinfo") if line.split()[4].startswith("/tmp")),
    "descriptors": len(os.listdir("/proc/self/fd")), "user": os.getuid(), "directory": os.getcwd(),
}
"""
    found = asked(version.first, code)
    assert found.pop("status") == [*["0" * 16] * 5, "1", "2", "1"]
    assert found.pop("setns") == [-1, "ENOSYS"], "there is no tracer"
    assert found.pop("unshare") == found.pop("ptrace") == [-1, "EPERM"]
    assert found.pop("host") in ([], "Permission denied", "No such file or directory")
    assert found.pop("mounts")
    # 0, 1, 2, the log of the runtime, its connection, and what the function and the question opened.
    assert found.pop("descriptors") == 9
    assert found == {
        "write": "Read-only file system",
        "first": "Permission denied",
        "kill": "Operation not permitted",
        "namespaces": "Read-only file system",
        "most": "0\n",
        "masked": [0, 0],
        "user": 993,
        "directory": "/var/task",
    }


def test_the_end_of_one_is_not_that_of_others(keeping: Room, version: Version) -> None:
    """Each has its own limits and its own end, and all that it started ends with it."""
    other = version.start()
    namespace = asked(other, "answer = os.readlink('/proc/self/ns/pid')")
    assert len(processes_in(namespace)) == 2
    outcome = other.invoke({"code": "os.kill(os.getpid(), 9)"})
    assert outcome.error_type == "Runtime.ExitError"
    assert json.loads(outcome.payload)["errorMessage"].endswith("signal: killed")
    wait_until(lambda: not processes_in(namespace), "processes outlive it")
    late = version.start().invoke({"code": "while True: pass"}, timeout_s=0.1)
    assert late.error_type == "Sandbox.Timedout"
    large = version.start().invoke({"code": "answer = len(bytearray(200 << 20)) and 1"})
    assert large.error_type == "Runtime.ExitError"
    assert version.first({})["drawn"]


def test_memory_is_counted(keeping: Room) -> None:
    """What is shared with the snapshot is the environment's, too: it has that much memory less."""
    source = "kept = bytearray(64 << 20)\n" + SOURCE
    version = Version(keeping, source, memory_mb=160)
    outcome = version.first.invoke({"code": "answer = len(kept)"})
    assert json.loads(outcome.payload) == 64 << 20
    assert 64 < outcome.max_memory_mb < 128
    outcome = version.start().invoke(
        {"code": "import time; more = bytearray(90 << 20); time.sleep(5)"}
    )
    assert outcome.error_type == "Runtime.ExitError"
    keeping.end_functions()


def test_it_is_frozen_and_thawed(version: Version) -> None:
    version.first({})
    version.first.environment.freeze()
    assert version.first.environment.stats().frozen
    assert version.first({})["drawn"]


def test_a_snapshot_that_ended_is_made_anew(keeping: Room, version: Version) -> None:
    """What came of it goes on."""
    before = version.first({})["drawn"]
    namespace = asked(version.first, "answer = os.readlink('/proc/self/ns/user')")
    template = template_of(keeping, version.first)
    for name in os.listdir("/proc"):
        if name.isdigit() and _is_initialised(Path("/proc", name), namespace):
            os.kill(int(name), signal.SIGKILL)
    wait_until(lambda: keeping.run(_told(template)), "nobody hears that it ended")
    other = version.start()
    assert other({})["drawn"] != before
    assert version.first({})["drawn"] == before


async def _told(template: Template) -> bool:
    return template.unfit is not None


def _is_initialised(process: Path, below: str) -> bool:
    """Whether it is a function's process whose user namespace is the parent of that one."""
    try:
        environment = (process / "cmdline").read_bytes()
        child = os.readlink(process / "ns" / "user")
        return child != below and b"pilvi" in environment and _parent(below) == child
    except OSError:
        return False


def _parent(namespace: str) -> str:
    """Of a user namespace that some process is in."""
    import fcntl

    for name in os.listdir("/proc"):
        if name.isdigit() and _namespace(name) == namespace:
            own = os.open(f"/proc/{name}/ns/user", os.O_RDONLY)
            parent = fcntl.ioctl(own, 0xB702)
            found = f"user:[{os.fstat(parent).st_ino}]"
            os.close(parent)
            os.close(own)
            return found
    return ""


def _namespace(process: str) -> str:
    try:
        return os.readlink(f"/proc/{process}/ns/user")
    except OSError:
        return ""


ACCOMPANIED = """
import http.client, threading
api = http.client.HTTPConnection("169.254.100.1:9001")
path = "/2020-01-01/extension/"
api.request("POST", path + "register", '{"events": []}', {"Lambda-Extension-Name": "own"})
registered = api.getresponse()
registered.read()

def live():
    name = registered.headers["Lambda-Extension-Identifier"]
    api.request("GET", path + "event/next", headers={"Lambda-Extension-Identifier": name})
    api.getresponse()

threading.Thread(target=live, daemon=True).start()
"""


@pytest.mark.parametrize(
    ("begin", "reason"),
    [
        ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", "thread"),
        ("import subprocess; child = subprocess.Popen(['sleep', '100'])", "process"),
        ("import mmap; memory = mmap.mmap(-1, 4096)", "memory that processes share"),
        ("""
import mmap
with open("/tmp/code", "w+b") as file:
    file.write(bytes(4096))
    file.flush()
    code = mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
""", "memory that processes share"),
        ("kept = open('/tmp/kept', 'w')", "it has /tmp/kept open"),
        ("import os; os.register_at_fork(after_in_child=lambda: os._exit(3))", "could not be restored"),
        (ACCOMPANIED, "an extension"),
        ("import asyncio; loop = asyncio.new_event_loop()", "open, which forks would share"),
    ],
)  # fmt: skip
def test_what_cannot_be_forked_initialises_anew(keeping: Room, begin: str, reason: str) -> None:
    """A fork would not be what was initialised, and the log says why there is none."""
    version = Version(keeping, begin + "\n" + SOURCE)
    outcomes = [
        function.invoke({"code": "answer = drawn"}) for function in (version.first, version.start())
    ]
    assert outcomes[0].payload != outcomes[1].payload
    for outcome in outcomes:
        text = text_of(outcome)
        assert reason in text.splitlines()[1], text
        assert text.splitlines()[1].startswith("pilvi: SnapStart keeps no memory of this version")
        assert "RESTORE_START" in text
    keeping.end_functions()


TAMPERED = """
import ctypes, os, sys, threading
inside = sys.modules["pilvi.compute.launcher.snapshot"]
honest = inside._cross
def cross(libc, channel, namespaces):
    {}
inside._cross = cross
"""


@pytest.mark.parametrize(
    ("instead", "reason"),
    [
        ("honest(libc, channel, os.pidfd_open(os.getppid()))", "setns"),
        ("threading.Thread(target=threading.Event().wait).start(); honest(libc, channel, namespaces)", "setns"),
        ("os.fork() and honest(libc, channel, namespaces)", "beside the fork"),
        ("channel.send(b'forked'); channel.recv(9); os.fork()", "something else"),
        ("import mmap; kept = mmap.mmap(-1, 4096); honest(libc, channel, namespaces)", "shares memory"),
        ("os.fork = lambda: libc.syscall(56, 273, 0, 0, 0, 0); honest(libc, channel, namespaces)", "share its memory"),
    ],
)  # fmt: skip
def test_a_fork_that_was_tampered_with_is_not_let_in(
    keeping: Room, instead: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A function can change its own runtime, and so what its fork does while it is led to its place."""
    outcome = Version(keeping, TAMPERED.format(instead) + SOURCE).first.invoke(
        {"code": "answer = 1"}
    )
    notice = text_of(outcome).splitlines()[1]
    assert "could not be restored" in notice
    assert reason in notice
    keeping.end_functions()
