"""The walls of a sandbox: what a function must not see, reach, write or do. Each test tries it from inside."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pilvi
from compute.support import EVALUATE, HOST_ROOT, Evaluator, Room, processes_in, wait_until
from pilvi.compute import hierarchies
from pilvi.compute.launcher import landlock, seccomp
from pilvi.compute.weaknesses import weaknesses

HOST_FILES = [
    "/etc/shadow",
    "/etc/sudoers",
    "/etc/ssh",
    "/root",
    "/home",
    "/var/log",
    "/var/lib",
    "/run",
    "/mnt",
    "/sys",
    "/boot",
    str(Path(pilvi.__file__).parent),
]


def test_files_of_the_host_are_not_there(inside: Evaluator, tmp_path: Path) -> None:
    secret = tmp_path / "data" / "secret"
    secret.parent.mkdir()
    secret.write_text("x")
    paths = [
        *(HOST_FILES if sys.prefix == "/usr" else [*HOST_FILES, sys.prefix]),
        str(secret),
        str(tmp_path),
        str(inside.function.environment.spec.code_dir),
    ]
    there = "answer = [path for path in event['paths'] if os.path.lexists(path)]"
    assert inside(there, paths=paths) == []
    # Nor do they lie elsewhere: what there is of the root directory is named here, entry by entry.
    assert set(inside("answer = os.listdir('/')")) <= {
        *(
            "bin",
            "dev",
            "etc",
            "lib",
            "lib32",
            "lib64",
            "libx32",
            "opt",
            "proc",
            "sbin",
            "tmp",
            "usr",
            "var",
        ),
        *(".empty", ".host", ".nothing"),
    }
    # The place where the host's tree hung until it was detached.
    assert inside("answer = attempt(os.listdir, '/.host')") in (["EACCES"], ["done", "[]"])
    assert sorted(inside("answer = os.listdir('/var')")) == ["lang", "runtime", "task"]
    assert set(inside("answer = os.listdir('/etc')")) <= {
        *(
            "alternatives",
            "ca-certificates",
            "group",
            "hosts",
            "ld.so.cache",
            "nsswitch.conf",
            "passwd",
        ),
        *("pki", "resolv.conf", "ssl"),
    }
    assert sorted(inside("answer = os.listdir('/dev')")) == sorted(
        ["null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr"]
    )


def test_pilvi_itself_is_not_importable_from_files(inside: Evaluator) -> None:
    """The zygote has loaded its launcher from there; a function must not find the rest."""
    code = "import importlib.util; answer = [importlib.util.find_spec(n) is None for n in ('pip', 'apsw', 'click')]"
    assert inside(code) == [True, True, True]
    code = """
try:
    import pilvi.store.api
    answer = 'imported'
except ImportError:
    answer = 'refused'
"""
    assert inside(code) == "refused"


def test_no_way_back_through_descriptors_or_proc(inside: Evaluator) -> None:
    """An open directory, or another process's root, would be a door to the host's tree."""
    code = """
answer = {}
for name in os.listdir('/proc/self/fd'):
    try:
        answer[int(name)] = os.readlink(f'/proc/self/fd/{name}')
    except FileNotFoundError:
        pass  # the one that listed
"""
    for number, target in inside(code).items():
        assert target.startswith(("/dev/null", "pipe:", "socket:", "anon_inode:")), (number, target)
    for name in ("root", "cwd", "exe", "environ", "mem", "maps"):
        code = f"answer = attempt(lambda: open('/proc/1/{name}').read() or os.readlink('/proc/1/{name}'))"
        assert inside(code) in (["EACCES"], ["EPERM"]), name
    for what in ("os.readlink", "open"):
        tried = inside(
            f"answer = [attempt({what}, f'/proc/1/fd/{{n}}') for n in (0, 1, 2, 3, 5, 6)]"
        )
        assert [came_to for came_to in tried if came_to not in (["EACCES"], ["EPERM"])] == []


def test_a_data_directory_below_usr_is_masked(tmp_path: Path) -> None:
    """/usr is shown to functions, and somebody may keep pilvi's data or pilvi itself below it."""
    masked = Room(tmp_path, hidden=(Path("/usr/share"),))
    try:
        assert Evaluator(masked.start(EVALUATE))("answer = os.listdir('/usr/share')") == []
    finally:
        masked.close()


def test_processes_of_the_host_do_not_exist(inside: Evaluator) -> None:
    names = inside("answer = [int(n) for n in os.listdir('/proc') if n.isdigit()]")
    assert names == [1, 2], "the first process and the function's"
    server = os.getpid()
    assert inside("answer = attempt(os.kill, event['pid'], 0)", pid=server) == ["ESRCH"]
    assert inside("answer = os.getppid()") == 1
    assert inside("answer = os.environ.get('HOME', '') + os.environ.get('VIRTUAL_ENV', '')") == ""
    # Nor can its own first process be signalled to death.
    inside("os.kill(1, signal.SIGKILL); os.kill(1, signal.SIGINT); os.kill(1, signal.SIGTERM)")
    assert inside("answer = 1") == 1


CONNECT = """
def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.settimeout(5)
        tried.connect(address)

address = event['address']
answer = attempt(connect, event['family'], tuple(address) if isinstance(address, list) else address)
"""


@pytest.fixture
def host_listener() -> Iterator[socket.socket]:
    with socket.create_server(("0.0.0.0", 0)) as listener:
        yield listener


def test_networks_of_the_host_are_not_there(
    inside: Evaluator, host_listener: socket.socket
) -> None:
    port = host_listener.getsockname()[1]
    inet = socket.AF_INET
    assert inside(CONNECT, family=inet, address=["127.0.0.1", port]) == ["ECONNREFUSED"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; tells the host's own address
        own = probe.getsockname()[0]
    for host in (own, "192.0.2.1", "169.254.169.254", "10.0.0.1"):
        assert inside(CONNECT, family=inet, address=[host, port]) == ["ENETUNREACH"], host
    with socket.socket(socket.AF_UNIX) as abstract:
        name = f"\0pilvi-test-{os.getpid()}"
        abstract.bind(name)
        abstract.listen()
        assert inside(CONNECT, family=socket.AF_UNIX, address=name) == ["ECONNREFUSED"]
    assert sorted(inside("answer = os.listdir('/sys') if os.path.exists('/sys') else []")) == []
    interfaces = (
        "answer = [line.split(':')[0].strip() for line in open('/proc/net/dev').readlines()[2:]]"
    )
    assert "eth0" not in inside(interfaces)


def test_pilvi_answers_at_its_port(inside: Evaluator) -> None:
    ask = """
answer = []
for host in ('localhost', '169.254.100.1'):
    with socket.create_connection((host, 4566)) as asked:
        asked.sendall(b'ping\\n')
        answer.append(asked.makefile().readline())
"""
    assert inside(ask) == ["pong\n", "pong\n"]


WAIT = """
import socket

def handler(event, context):
    with socket.create_connection(("localhost", 4566)) as asked:
        asked.sendall(b"wait\\n")
        return [asked.makefile().readline(), context.aws_request_id]
"""

MEDDLE = """
import http.client
api = os.environ['AWS_LAMBDA_RUNTIME_API']
answer = []
for path in event['paths']:
    connection = http.client.HTTPConnection(api)
    connection.request('POST' if 'response' in path else 'GET', path, b'"stolen"')
    answer.append(connection.getresponse().status)
"""


def test_another_functions_runtime_api_is_out_of_reach(room: Room) -> None:
    """Both have theirs at the same address, each in a network of its own: one function can neither answer for
    another nor take its invocations.
    """
    victim, other = room.start(WAIT), room.start(EVALUATE)

    async def body() -> tuple[bytes, bytes]:
        waiting = asyncio.create_task(victim.invoking())
        await room.gate.waiting.wait()
        request_id = f"00000000-0000-0000-0000-{next(room.count) - 1:012d}"
        prefix = "/2018-06-01/runtime/invocation"
        paths = [f"{prefix}/{request_id}/response", f"{prefix}/next"]
        meddled = await other.invoking({"code": MEDDLE, "paths": paths})
        room.gate.opened.set()
        return meddled.payload, (await waiting).payload

    meddled, answered = room.run(body())
    assert meddled == b"[400, 403]", "it spoke to its own"
    assert answered.startswith(b'["pong\\n"'), "nobody answered in its place"


def test_only_tmp_can_be_written(inside: Evaluator) -> None:
    places = [
        *("/", "/usr", "/usr/local", "/bin", "/lib", "/etc", "/dev", "/opt", "/var", "/var/task"),
        *("/var/runtime", "/var/lang", "/var/lang/lib", "/usr/lib", "/proc", "/.empty"),
    ]
    code = "answer = {p: attempt(open, f'{p}/written', 'w') for p in event['places']}"
    for place, came_to in inside(code, places=places).items():
        assert came_to in (["EROFS"], ["EACCES"], ["ENOENT"]), place
    files = [
        "/etc/hosts",
        "/etc/passwd",
        "/var/task/app.py",
        "/proc/sys/kernel/hostname",
        "/bin/sh",
    ]
    files += ["/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger"]
    code = "answer = {p: attempt(open, p, 'a') for p in event['places']}"
    for place, came_to in inside(code, places=files).items():
        assert came_to in (["EROFS"], ["EACCES"], ["ENOENT"]), place
    assert inside("open('/tmp/written', 'w').write('x'); answer = os.listdir('/tmp')") == [
        "written"
    ]


def test_mounts_are_read_only_and_grant_nothing(inside: Evaluator) -> None:
    """File modes alone would not do: without root, all sandboxes and pilvi's own files belong to one user."""
    for line in inside("answer = open('/proc/self/mountinfo').readlines()"):
        _number, _parent, _device, _root, place, options, *_ = line.split()
        expected = {"nosuid"}
        if place not in ("/tmp", "/proc"):
            expected.add("ro")
        if not place.startswith("/dev/"):
            expected.add("nodev")
        assert expected <= set(options.split(",")), line


def test_it_is_nobody(inside: Evaluator) -> None:
    status = inside("answer = dict(line.split(':', 1) for line in open('/proc/self/status'))")
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2", "a filter"
    assert status["Uid"].split() == ["993"] * 4
    assert inside("answer = [attempt(os.setuid, 0), attempt(os.setgid, 0)]") == [["EINVAL"]] * 2
    assert inside("answer = attempt(os.setgroups, [0])") == ["EPERM"]
    if HOST_ROOT:
        namespace = inside("answer = os.readlink('/proc/self/ns/pid')")
        users = {os.stat(f"/proc/{process}").st_uid for process in processes_in(namespace)}
        assert 0 not in users, "as root, a sandbox is no user of the host"


SYSTEM_CALLS = {
    # name: (number on x86-64, arguments, what is answered)
    "mount": (165, (b"none", b"/tmp", b"tmpfs", 0, None), "EPERM"),
    "umount2": (166, (b"/tmp", 2), "EPERM"),
    "pivot_root": (155, (b"/tmp", b"/tmp"), "EPERM"),
    "chroot": (161, (b"/tmp",), "EPERM"),
    "unshare a user namespace": (272, (0x10000000,), "EPERM"),
    "unshare a mount namespace": (272, (0x00020000,), "EPERM"),
    "clone a user namespace": (56, (0x10000000 | 17, 0, 0, 0, 0), "EPERM"),
    "clone3": (435, (0, 0), "ENOSYS"),
    "setns": (308, (0, 0), "EPERM"),
    "ptrace": (101, (0, 0, 0, 0), "EPERM"),
    "process_vm_readv": (310, (1, 0, 0, 0, 0, 0), "EPERM"),
    "bpf": (321, (0, 0, 0), "EPERM"),
    "perf_event_open": (298, (0, 0, 0, 0, 0), "EPERM"),
    "userfaultfd": (323, (0,), "EPERM"),
    "io_uring_setup": (425, (1, 0), "ENOSYS"),
    "keyctl": (250, (0, 0), "EPERM"),
    "open_tree": (428, (0, b"/", 0), "EPERM"),
    "fsopen": (430, (b"tmpfs", 0), "EPERM"),
    "mount_setattr": (442, (0, b"/", 0, 0, 0), "EPERM"),
    "sethostname": (170, (b"x", 1), "EPERM"),
    "reboot": (169, (0, 0, 0, 0), "EPERM"),
    "a call of the x32 interface": (0x40000000 + 39, (), "ENOSYS"),
    "a socket to the machine around (vsock)": (41, (40, 1, 0), "EAFNOSUPPORT"),
    "a socket to the kernel's ciphers": (41, (38, 5, 0), "EAFNOSUPPORT"),
    "a raw socket": (41, (2, 3, 1), "EPERM"),
}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86-64")
@pytest.mark.parametrize("name", SYSTEM_CALLS)
def test_system_calls_that_are_refused(inside: Evaluator, name: str) -> None:
    number, arguments, expected = SYSTEM_CALLS[name]
    code = """
arguments = [a.encode() if isinstance(a, str) else a for a in event['arguments']]
libc = ctypes.CDLL(None, use_errno=True)
arguments = [ctypes.c_long(a) if isinstance(a, int) else a for a in [event['number'], *arguments]]
result = libc.syscall(*arguments)
if result == 0 and event['number'] == 56:
    os._exit(0)  # the child of a clone that was let through
answer = 'done' if result >= 0 else errno.errorcode[ctypes.get_errno()]
"""
    sent = [a.decode() if isinstance(a, bytes) else a for a in arguments]
    assert inside(code, number=number, arguments=sent) == expected


def test_what_functions_need_of_the_system_works(inside: Evaluator) -> None:
    """The filter refuses by list; threads, programs, pipes with names and sockets must go on working."""
    code = """
threads = [threading.Thread(target=lambda: None) for _ in range(4)]
[t.start() for t in threads], [t.join() for t in threads]
os.mkfifo('/tmp/fifo')
left, right = socket.socketpair()
ran = subprocess.run(['/bin/sh', '-c', 'yes | head -n 1; echo $0; ls /var/task'], capture_output=True, text=True)
answer = [ran.stdout, ran.stderr]
"""
    assert inside(code) == ["y\n/bin/sh\napp.py\n", ""]


SCAN = """
first, second = event['first'].encode(), event['second'].encode()
found = 0
with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as memory:
    for line in maps.readlines():
        bounds, rights, *_ = line.split()
        begin, end = (int(word, 16) for word in bounds.split('-'))
        if 'r' not in rights or '[v' in line or end - begin > 1 << 28:
            continue
        memory.seek(begin)
        try:
            data = memory.read(end - begin)
        except OSError:
            continue
        at = data.find(first)
        while at >= 0:
            found += data[at + len(first) : at + len(first) + len(second)] == second
            at = data.find(first, at + 1)
answer = found
"""


def test_credentials_of_another_function_are_not_in_its_memory(room: Room) -> None:
    """Functions of one interpreter are forked from the same process, which must never have held what one of them
    was given. The two halves of the secret are never joined by the one who looks for them.
    """
    first, second = "fa1c0n" * 4, "wr3n" * 6
    for _ in range(5):
        room.start(EVALUATE, environment={"SECRET": first + second})({"code": "answer = 1"})
    looking = Evaluator(room.start(EVALUATE, timeout_s=60))
    assert looking(SCAN, first=first, second=second) == 0
    own = Evaluator(room.start(EVALUATE, environment={"SECRET": first + second}, timeout_s=60))
    assert own(SCAN, first=first, second=second) > 0, "the search finds what is there"


def test_two_environments_do_not_share_their_randomness(room: Room) -> None:
    code = """
import random, secrets, ssl, uuid
answer = [random.random(), secrets.token_hex(), uuid.uuid4().hex, ssl.RAND_bytes(16).hex()]
"""
    one, other = (Evaluator(room.start(EVALUATE))(code) for _ in range(2))
    assert not set(one) & set(other)


def test_a_killed_environment_leaves_no_process(room: Room) -> None:
    function = room.start(EVALUATE)
    code = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    os._exit(0)
answer = os.readlink('/proc/self/ns/pid')
"""
    namespace = Evaluator(function)(code)
    wait_until(lambda: len(processes_in(namespace)) >= 3, "the daemon is there")
    function.kill()
    assert processes_in(namespace) == []


def test_what_this_host_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person who starts pilvi reads it; a host that has everything is told nothing."""
    monkeypatch.setattr(seccomp, "filter_program", lambda: b"program")
    monkeypatch.setattr(landlock, "abi", lambda: 7)
    whole = hierarchies.Hierarchy(2, dict.fromkeys(("memory", "pids", "cpu"), Path("/")))
    monkeypatch.setattr(hierarchies, "find_hierarchy", lambda: whole)
    assert weaknesses() == []
    monkeypatch.setattr(seccomp, "filter_program", lambda: b"")
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    monkeypatch.setattr(hierarchies, "find_hierarchy", lambda: None)
    assert [told.split(":")[0] for told in weaknesses()] == [
        "no filter of system calls",
        "no Landlock on this kernel",
        "no control groups",
    ]
