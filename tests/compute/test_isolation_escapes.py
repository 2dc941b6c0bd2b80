"""Ways out of a sandbox that are known from elsewhere. All are tried by one invocation, and each is judged alone.

See `test_isolation.py` for what is not there at all, `test_isolation_calls.py` for every system call by its number.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compute.support import EVALUATE, Evaluator, Room
from pilvi.compute import hierarchies, parked
from pilvi.compute.launcher import landlock

REFUSED = ("EPERM", "EACCES", "EROFS", "ENOENT", "ENOSYS", "EINVAL", "ENOTDIR", "EXDEV")

ATTEMPTS = {
    # Roads to the host's files.
    "climb out of the root": "answer = os.path.samefile('/..', '/') and os.path.samefile('/proc/self/root/..', '/')",
    "climb out of the working directory": "answer = os.listdir('/proc/self/cwd/../../../../..') == os.listdir('/')",
    "the root of the first process": "answer = attempt(os.listdir, '/proc/1/root')",
    "the directory of the first process": "answer = attempt(os.listdir, '/proc/1/cwd')",
    "the memory of the first process": "answer = attempt(open, '/proc/1/mem', 'rb')",
    "the variables of the first process": "answer = attempt(open, '/proc/1/environ', 'rb')",
    "the program of the first process": "answer = attempt(os.readlink, '/proc/1/exe')",
    "the files that the first process maps": "answer = attempt(os.listdir, '/proc/1/map_files')",
    "the descriptors of the first process": "answer = attempt(os.readlink, '/proc/1/fd/3')",
    "the threads' roots of the first process": "answer = attempt(os.listdir, '/proc/1/task/1/root')",
    "the tree that the launcher kept": "answer = attempt(os.listdir, '/.host/proc') or attempt(os.listdir, '/.host')",
    "a symbolic link to the host": """
        os.symlink('/etc/shadow', '/tmp/link')
        answer = attempt(open, '/tmp/link')
    """,
    "a hard link to a read-only file": "answer = attempt(os.link, '/var/task/app.py', '/tmp/hard')",
    "a file that is moved out of its mount": "answer = attempt(os.rename, '/var/task/app.py', '/tmp/moved')",
    "a chroot inside": "os.mkdir('/tmp/jail'); answer = attempt_call('chroot', 161, b'/tmp/jail')",
    "a handle of a file by its number": "answer = attempt_call('open_by_handle_at', 304, -100, b'\\0' * 64, 0)",
    "files that a descriptor leads to": """
        found = [f'/proc/self/fd/{name}' for name in os.listdir('/proc/self/fd')]
        targets = [os.readlink(path) for path in found if os.path.lexists(path)]
        harmless = ('/dev/null', 'pipe:', 'socket:', 'anon_inode:')
        answer = not [target for target in targets if not target.startswith(harmless)]
    """,
    "sockets that it did not open": """
        found = [int(n) for n in os.listdir('/proc/self/fd') if os.path.lexists(f'/proc/self/fd/{n}')]
        found = [n for n in found if os.readlink(f'/proc/self/fd/{n}').startswith('socket:')]
        answer = [socket.socket(fileno=os.dup(n)).getpeername() for n in found] == [('169.254.100.1', 9001)]
    """,
    "descriptors that it did not open": """
        found = {n for n in os.listdir('/proc/self/fd') if os.path.lexists(f'/proc/self/fd/{n}')}
        answer = len(found) <= 6
    """,
    # Settings of the kernel.
    "where cores are dumped": "answer = attempt(open, '/proc/sys/kernel/core_pattern', 'w')",
    "what runs for a module": "answer = attempt(open, '/proc/sys/kernel/modprobe', 'w')",
    "namespaces of its own, again": "answer = attempt(open, '/proc/sys/user/max_user_namespaces', 'w')",
    "a network setting": "answer = attempt(open, '/proc/sys/net/ipv4/ip_forward', 'w')",
    "a mailbox setting": "answer = attempt(open, '/proc/sys/fs/mqueue/msg_max', 'w')",
    "another user map": "answer = attempt(write, '/proc/self/uid_map', '0 0 1\\n')",
    "another group map": "answer = attempt(write, '/proc/self/gid_map', '0 0 1\\n')",
    "groups of others": "answer = attempt(write, '/proc/self/setgroups', 'allow')",
    "the clock of its processes": "answer = attempt(write, '/proc/self/timens_offsets', '1 1 0')",
    "to outlive others when memory ends": """
        answer = attempt(write, '/proc/self/oom_score_adj', '-1000')
    """,
    "keys of the kernel": "answer = open('/proc/keys').read() + open('/proc/key-users').read() == ''",
    "timers of the host": """
        answer = not os.path.exists('/proc/timer_list') or open('/proc/timer_list').read() == ''
    """,
    "memory of the kernel": "answer = os.path.getsize('/proc/kcore') == 0 if os.path.exists('/proc/kcore') else True",
    "symbols of the kernel": "answer = os.path.getsize('/proc/kallsyms') == 0 and open('/proc/kallsyms').read() == ''",
    "how the host was started": "answer = open('/proc/cmdline').read() == ''",
    "its interrupts": "answer = open('/proc/interrupts').read() == ''",
    "its buses": "answer = not os.path.exists('/proc/bus') or os.listdir('/proc/bus') == []",
    "its file systems": "answer = os.listdir('/proc/fs') == []",
    "a magic key": "answer = attempt(open, '/proc/sysrq-trigger', 'w')",
    # Devices.
    **{
        f"the device {name}": f"answer = attempt(open, '/dev/{name}', 'rb')"
        for name in ("mem", "kmem", "port", "kmsg", "tty", "console", "ptmx", "fuse", "kvm", "net/tun", "vhost-net")
    },
    **{
        f"the device {name}": f"answer = attempt(open, '/dev/{name}', 'rb')"
        for name in ("userfaultfd", "loop-control", "shm", "mqueue", "sda", "vda", "cpu/0/msr", "dri/card0")
    },
    "a character device made": "answer = attempt(os.mknod, '/tmp/mem', 0o020666, os.makedev(1, 1))",
    "a block device made": "answer = attempt(os.mknod, '/tmp/disk', 0o060666, os.makedev(8, 0))",
    "a null device made": "answer = attempt(os.mknod, '/tmp/null', 0o020666, os.makedev(1, 3))",
    "to type into a terminal": """
        import fcntl
        answer = attempt(fcntl.ioctl, 0, 0x5412, b'x')
    """,
    "randomness of the kernel": """
        import fcntl
        answer = attempt(lambda: fcntl.ioctl(os.open('/dev/random', os.O_RDWR), 0x5206))
    """,
    # Becoming somebody.
    "a user of root": "answer = attempt(os.setresuid, 0, 0, 0)",
    "a group of root": "answer = attempt(os.setresgid, 0, 0, 0)",
    "a set-user-id program": """
        import stat
        answer = []
        for place in ('/usr/bin', '/bin', '/usr/sbin'):
            for name in os.listdir(place):
                if os.stat(f'{place}/{name}').st_mode & (stat.S_ISUID | stat.S_ISGID):
                    child = subprocess.Popen([f'{place}/{name}'], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL)
                    status = open(f'/proc/{child.pid}/status').read() if child.poll() is None else ''
                    child.kill()
                    child.wait()
                    answer += [line for line in status.splitlines() if line.startswith(('Uid:', 'Gid:'))
                        and len(set(line.split()[1:])) != 1 or line.startswith('CapEff:') and int(line[7:], 16)]
        answer = answer == []
    """,
    "a set-user-id program of its own": """
        import shutil
        shutil.copy('/bin/sh', '/tmp/sh')
        os.chmod('/tmp/sh', 0o6755)
        status = subprocess.run(['/tmp/sh', '-c', 'cat /proc/self/status'], capture_output=True, text=True).stdout
        answer = [line.split()[1:] for line in status.splitlines() if line.startswith('Uid:')] == [['993'] * 4]
    """,
    "capabilities of a file": """
        capabilities = b'\\1\\0\\0\\2' + b'\\xff' * 16
        answer = attempt(os.setxattr, '/tmp/sh', 'security.capability', capabilities)
    """,
    "higher limits": """
        import resource
        try:
            resource.setrlimit(resource.RLIMIT_NPROC, (10_000, 10_000))
        except ValueError:
            answer = ['EPERM']
    """,
    "a higher priority": "answer = attempt(os.nice, -5)",
    "the processor for itself alone": "answer = attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))",
    # Namespaces.
    "the owner of its network": """
        import fcntl
        answer = attempt(lambda: fcntl.ioctl(os.open('/proc/self/ns/net', os.O_RDONLY), 0xb701))
    """,
    "the parent of its user namespace": """
        import fcntl
        answer = attempt(lambda: fcntl.ioctl(os.open('/proc/self/ns/user', os.O_RDONLY), 0xb702))
    """,
    "the parent of its process namespace": """
        import fcntl
        answer = attempt(lambda: fcntl.ioctl(os.open('/proc/self/ns/pid', os.O_RDONLY), 0xb702))
    """,
    "a namespace of the first process": "answer = attempt(os.open, '/proc/1/ns/mnt', os.O_RDONLY)",
    "a time namespace": "answer = attempt_call('unshare', 272, 0x80)",
    "to set the clock": """
        try:
            time.clock_settime(time.CLOCK_REALTIME, 0)
        except OSError as error:
            answer = [errno.errorcode[error.errno]]
    """,
    "another name of the host": "answer = attempt(socket.sethostname, 'pilvi')",
    # Networks.
    "an address of its own": """
        import fcntl, struct
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            request = struct.pack('16sHH4s16x', b'lo:2', socket.AF_INET, 0, socket.inet_aton('10.1.2.3'))
            answer = attempt(fcntl.ioctl, control, 0x8916, request)
    """,
    "packets as they are": "answer = attempt(socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "an address that is not its own": """
        with socket.socket() as listener:
            answer = attempt(listener.bind, ('10.0.0.1', 8080))
        answer = answer if answer != ['EADDRNOTAVAIL'] else ['EPERM']
    """,
    "to listen where the Runtime API does": """
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            answer = attempt(listener.bind, ('169.254.100.1', 9001))
        answer = answer if answer != ['EADDRINUSE'] else ['EPERM']
    """,
    "events of devices": """
        answer = attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 15)
        answer = answer if answer != ['EPROTONOSUPPORT'] else ['EPERM']
    """,
    # Other processes.
    "to end its first process": "attempt(os.kill, 1, signal.SIGKILL); answer = os.path.exists('/proc/1')",
    "to read its first process": "answer = attempt_call('process_vm_readv', 310, 1, 0, 0, 0, 0, 0)",
    "to trace its own child": """
        child = os.fork()
        if child == 0:
            while True:
                signal.pause()
        answer = attempt_call('ptrace', 101, 0x4206, child, 0, 0)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    """,
    "a descriptor of its first process": """
        first = os.pidfd_open(1)
        answer = attempt_call('pidfd_getfd', 438, first, 3, 0)
    """,
    "memory that is shared with the launcher": """
        rights = [line.split()[1] for line in open('/proc/self/maps')]
        answer = not [right for right in rights if right[3] == 's' and 'w' in right]
    """,
}  # fmt: skip

PRELUDE = """
def attempt_call(name, number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    values = [ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *arguments)]
    return ["done"] if libc.syscall(*values) >= 0 else [errno.errorcode[ctypes.get_errno()]]

def write(path, text):
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())

answers = {}
for name, code in event["attempts"].items():
    scope = dict(globals())
    try:
        exec(code, scope)
        answers[name] = scope["answer"]
    except Exception as error:
        answers[name] = repr(error)
answer = answers
"""


@pytest.fixture(scope="module")
def answers(inside: Evaluator) -> dict[str, Any]:
    attempts = {name: textwrap.dedent(code).strip() for name, code in ATTEMPTS.items()}
    return inside(PRELUDE, attempts=attempts)


def leads_nowhere(answered: Any) -> bool:
    """True: there was nothing to be found. Else the error that the attempt met."""
    return answered is True or (len(answered) == 1 and answered[0] in REFUSED)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_it_leads_nowhere(answers: dict[str, Any], name: str) -> None:
    assert leads_nowhere(answers[name]), answers[name]


NODE = """
const { spawnSync } = require("node:child_process");
exports.handler = async (event) => {
  const ran = spawnSync("/usr/bin/python3", ["-I", "-c", event.code], { input: JSON.stringify(event) });
  if (ran.status !== 0) throw new Error(String(ran.stderr));
  return JSON.parse(String(ran.stdout));
};
"""
RUN = """
import json, sys
event = json.load(sys.stdin)
PRELUDE
answers['sockets that it did not open'] = True  # those are Node's
answers['descriptors that it did not open'] = True
json.dump(answers, sys.stdout)
"""


def test_the_same_ways_from_a_sandbox_that_was_parked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the first process keeps the host's tree until a function is known, and shuts the doors later."""
    if not Path("/usr/bin/python3").exists():
        pytest.skip("there is no Python for all on this host")
    if shutil.which("node") is None:
        pytest.skip("there is no Node.js on this host")
    monkeypatch.setattr(parked, "REFILL_AFTER_S_MOST", 0.0)
    made = Room(tmp_path, park=True)
    backend: Any = made.backend

    async def one_is_parked() -> None:
        while not backend.parked:
            await asyncio.sleep(0.01)

    try:
        node: dict[str, Any] = {"runtime": "nodejs20.x", "handler": "index.handler"}
        node["files"] = {"index.js": NODE}
        assert made.start(**node)({"code": "print(1)"}) == 1
        made.run(one_is_parked())
        function = made.start(**node)
        assert not backend.parked, "it was taken"
        imports = EVALUATE.split("def handler")[0]
        attempts = {name: textwrap.dedent(code).strip() for name, code in ATTEMPTS.items()}
        code = imports + RUN.replace("PRELUDE", PRELUDE)
        answers = function({"code": code, "attempts": attempts})
        assert {name: said for name, said in answers.items() if not leads_nowhere(said)} == {}
    finally:
        made.close()


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Evaluator, Evaluator]]:
    """Two environments of one launcher, whose server has a secret among its variables."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PILVI_SECRET", "not-for-functions")
        made = Room(tmp_path_factory.mktemp("neighbours"))
        yield Evaluator(made.start(EVALUATE)), Evaluator(made.start(EVALUATE))
        made.close()


Neighbours = tuple[Evaluator, Evaluator]


def test_variables_of_the_server_stay_there(neighbours: Neighbours) -> None:
    code = """
answer = dict(os.environ)
for name in os.listdir('/proc'):
    if name.isdigit():
        answer[name] = str(attempt(lambda: open(f'/proc/{name}/environ').read()))
"""
    seen = neighbours[0](code)
    assert not [name for name, value in seen.items() if "not-for-functions" in value]
    assert not {"HOME", "USER", "LOGNAME", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST"} & set(seen)


def test_memory_of_system_v_is_not_shared(neighbours: Neighbours) -> None:
    """Such memory has keys that everybody in one namespace sees."""
    if hierarchies.find_hierarchy() is None:
        pytest.skip("without cgroups there is no such memory")
    get = """
libc = ctypes.CDLL(None, use_errno=True)
found = libc.shmget(4711, 4096, event['flags'])
answer = 'found' if found >= 0 else errno.errorcode[ctypes.get_errno()]
"""
    first, second = neighbours
    assert first(get, flags=0o1666) == "found", "made"
    assert first(get, flags=0) == "found"
    assert second(get, flags=0) == "ENOENT"


def test_abstract_sockets_and_tmp_are_not_shared(neighbours: Neighbours) -> None:
    first, second = neighbours
    listen = """
import builtins
builtins.kept = []
for name in ('\\0neighbour', '/tmp/neighbour'):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen()
    builtins.kept.append(listener)
answer = 1
"""
    connect = """
answer = []
for name in ('\\0neighbour', '/tmp/neighbour'):
    with socket.socket(socket.AF_UNIX) as tried:
        answer.append(attempt(tried.connect, name))
"""
    first(listen)
    assert first(connect) == [["done", "None"]] * 2
    assert second(connect) == [["ECONNREFUSED"], ["ENOENT"]]


def test_what_one_makes_of_its_interpreter_is_its_own(neighbours: Neighbours, room: Room) -> None:
    """They were forked from one process, and share its pages until one writes."""
    spoil = """
import builtins, json
json.decoder.spoiled = builtins.spoiled = True
ctypes.c_int.from_address(id(211) + 24).value = 212
answer = 1
"""
    look = """
import builtins, json
answer = [100 + event['one'] * 111, hasattr(builtins, 'spoiled'), hasattr(json.decoder, 'spoiled')]
"""
    first, second = neighbours
    first(spoil)
    assert first(look, one=1) == [212, True, True], "it did spoil it"
    assert second(look, one=1) == [211, False, False]
    assert Evaluator(room.start(EVALUATE))(look, one=1) == [211, False, False]


RESTRICT = """
import errno, json, os, socket, sys
from pilvi.compute.launcher import landlock, linux

def attempt(what, *arguments):
    try:
        return ["done", str(what(*arguments))]
    except OSError as error:
        return [errno.errorcode[error.errno]]

place, name, parent = sys.argv[1], sys.argv[2], os.getppid()
linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
landlock.restrict(landlock.abi(), ["/dev/null"])
asked = socket.socket(socket.AF_UNIX)
print(json.dumps({
    "read": attempt(open, "/etc/hostname"),
    "write": attempt(open, f"{place}/file", "w"),
    "make": attempt(os.mkdir, f"{place}/directory"),
    "remove": attempt(os.remove, f"{place}/there"),
    "throw away": attempt(lambda: open("/dev/null", "w").write("x")),
    "signal": attempt(os.kill, parent, 0),
    "speak": attempt(asked.connect, "\\0" + name),
}))
"""


def test_landlock_holds_without_the_mounts() -> None:
    """The same rules once more: in a process that may see all of the host, as its root."""
    known = landlock.abi()
    if not known:
        pytest.skip("this kernel has no Landlock")
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as place,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        (Path(place) / "there").touch()
        name = f"pilvi-landlock-{os.getpid()}"
        listener.bind(f"\0{name}")
        listener.listen()
        told = subprocess.run(
            [sys.executable, "-c", RESTRICT, place, name],
            capture_output=True,
            check=True,
            text=True,
        )
    came_to = json.loads(told.stdout)
    assert came_to.pop("read")[0] == came_to.pop("throw away")[0] == "done"
    scoped = [came_to.pop("signal"), came_to.pop("speak")]
    assert came_to == {"write": ["EACCES"], "make": ["EACCES"], "remove": ["EACCES"]}
    assert scoped == [["EPERM"], ["EPERM"]] or known < 6


def test_landlock_is_on(inside: Evaluator) -> None:
    """A process can have 16 layers of such rules; this one has got its first."""
    if not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    code = """
import struct
def layers():
    libc = ctypes.CDLL(None)
    for count in range(17):
        rules = libc.syscall(444, ctypes.c_char_p(struct.pack('=Q', 1 << 12)), ctypes.c_size_t(8), 0)
        if libc.syscall(446, rules, 0) < 0:
            return count
reader, writer = os.pipe()
if os.fork() == 0:
    try:
        os.write(writer, str(layers()).encode())
    finally:
        os._exit(0)
os.close(writer)
answer = int(os.read(reader, 10))
os.wait()
"""
    assert inside(code) == 15


@pytest.fixture(scope="module")
def unheld(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """On a host that lets nobody make cgroups, so that memory is watched only."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hierarchies, "find_hierarchy", lambda: None)
        made = Room(tmp_path_factory.mktemp("unheld"))
    yield made
    made.close()


def test_without_cgroups_memory_cannot_hide(unheld: Room) -> None:
    """Memory that no process maps would be seen by nobody; what is mapped for several is counted as theirs."""
    inside = Evaluator(unheld.start(EVALUATE, memory_mb=128))
    hide = """
libc = ctypes.CDLL(None, use_errno=True)
tried = (attempt(os.memfd_create, 'm'), libc.shmget(1, 4096, 0o1666), libc.msgget(1, 0o1666))
answer = [tried[0], *tried[1:]]
"""
    assert inside(hide) == [["ENOSYS"], -1, -1]
    share = """
import mmap
kept = []
for _ in range(400):
    kept.append(mmap.mmap(-1, 1 << 20))
    kept[-1].write(b'x' * (1 << 20))
    time.sleep(0.002)
"""
    outcome = inside.function.invoke({"code": share})
    assert b"Runtime exited with error: signal: killed" in outcome.payload
