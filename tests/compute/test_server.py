"""Functions of a whole server: they find it from inside their sandbox, and never outlive it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compute.support import EVALUATE, processes_in, wait_until
from lambda_.support import Functions, package
from pilvi.compute import hierarchies
from servers import Server

ACCOUNT = "111111111111"


def functions_of(server: Server, **config: Any) -> Functions:
    made = Functions(server.client("lambda", ACCOUNT, **config), ACCOUNT)
    made.create("f", package(EVALUATE), MemorySize=512)
    return made


def groups_of(process: int) -> list[Path]:
    hierarchy = hierarchies.find_hierarchy()
    parents = set(hierarchy.parents.values()) if hierarchy else set()
    return [group for parent in parents for group in parent.glob(f"pilvi-{process}-*")]


LEAVE = """
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    os.write(writer, b'x')
    while True:
        if event['busy']:
            continue
        signal.pause()
os.read(reader, 1)
answer = os.readlink('/proc/self/ns/pid')
"""


def test_sandboxes_never_outlive_a_killed_server(
    own_server: Callable[..., Server], capfd: pytest.CaptureFixture[str]
) -> None:
    """Nobody is there to end them: the kernel does, with the launcher, which ends when its server has gone. One of
    them works when it happens, the other one idles.
    """
    server = own_server()
    functions = functions_of(server)
    functions.create("g", package(EVALUATE), MemorySize=512)
    namespaces = [
        functions.invoke(name, {"code": LEAVE, "busy": busy})
        for name, busy in (("f", True), ("g", False))
    ]
    inside = [processes_in(namespace) for namespace in namespaces]
    assert [len(processes) for processes in inside] == [3, 3]
    first = Path(f"/proc/{inside[0][0]}/status").read_text()
    launcher = int(first.split("PPid:")[1].split()[0])
    assert server.process is not None
    killed = server.process.pid
    capfd.readouterr()  # it has warned of the made-up role
    assert groups_of(killed) or hierarchies.find_hierarchy() is None
    server.kill()
    for namespace in namespaces:
        wait_until(lambda name=namespace: processes_in(name) == [], "the sandbox lives on")
    wait_until(lambda: not Path(f"/proc/{launcher}").exists(), "the launcher lives on")
    assert capfd.readouterr().err == "", "it ends silently"
    # A server on the same data clears up what the dead one could not.
    server.start()
    functions = Functions(server.client("lambda", ACCOUNT), ACCOUNT)
    assert functions.invoke("f", {"code": "answer = 1"}) == 1
    assert groups_of(killed) == []
    run_dir = server.data / "run" / "sandboxes"
    assert len(list(run_dir.glob("cgroups-*"))) <= 1
    assert server.stop() == 0
    assert os.listdir(run_dir) == ["root"]
    assert os.listdir(run_dir / "root") == []
    assert groups_of(server.process.pid) == []


def test_groups_of_a_killed_server_are_found_where_it_made_them(tmp_path: Path) -> None:
    """The next server may run in another group of the host's, and would not meet them by itself."""
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    elsewhere, run_dir = tmp_path / "elsewhere", tmp_path / "run"
    dead, alive = (elsewhere / f"pilvi-{process}-1f-1" for process in (ended.pid, os.getpid()))
    for directory in (dead, alive, run_dir):
        directory.mkdir(parents=True)
    (run_dir / f"cgroups-{ended.pid}").write_text(f"{elsewhere}\n")
    (run_dir / f"cgroups-{os.getpid()}").write_text(f"{elsewhere}\n")
    hierarchies.remove_stale(None, run_dir)
    assert os.listdir(elsewhere) == [alive.name]
    assert os.listdir(run_dir) == [f"cgroups-{os.getpid()}"]


def test_processes_without_isolation_never_outlive_it_either(
    own_server: Callable[..., Server], capfd: pytest.CaptureFixture[str]
) -> None:
    server = own_server("--backend", "process")
    told = capfd.readouterr().err
    assert told.startswith("WARNING: --backend process runs functions WITHOUT isolation.")
    code = LEAVE.replace("os.readlink('/proc/self/ns/pid')", "[os.getpid(), os.getppid()]")
    processes = functions_of(server).invoke("f", {"code": code, "busy": False})
    children = Path(f"/proc/{processes[0]}/task/{processes[0]}/children").read_text().split()
    processes += [int(child) for child in children]
    assert len(processes) == 3
    server.kill()
    for process in processes:
        wait_until(lambda process=process: not Path(f"/proc/{process}").exists(), "it lives on")
    server.start()
    functions = Functions(server.client("lambda", ACCOUNT), ACCOUNT)
    code = "import boto3; answer = boto3.client('sts').get_caller_identity()['Arn']"
    assert functions.invoke("f", {"code": code}).startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/")
    assert len(os.listdir(server.data / "run" / "sandboxes")) == 1
    assert server.stop() == 0
    assert os.listdir(server.data / "run" / "sandboxes") == []


CALL = """
import boto3
from botocore.config import Config
s3 = boto3.client('s3', config=Config(s3={'addressing_style': 'virtual'}))
sts = boto3.client('sts')
s3.create_bucket(Bucket='inside')
hosts = []
s3.meta.events.register('before-send.s3', lambda request, **_: hosts.append(request.url.split('/')[2].split(':')[0]))
s3.put_object(Bucket='inside', Key='k', Body=b'from a function')
answer = [sts.get_caller_identity()['Account'], s3.get_object(Bucket='inside', Key='k')['Body'].read().decode(),
    sorted(set(hosts)), os.environ['AWS_ENDPOINT_URL']]
"""


@pytest.mark.parametrize("options", [(), ("--tls",)], ids=["plain", "tls"])
def test_a_function_calls_the_cloud(
    own_server: Callable[..., Server], options: tuple[str, ...]
) -> None:
    """Buckets as host names too. Under --tls the server speaks plain HTTP to its
    sandboxes: nobody else is on that network, and no function has the certificate.
    """
    server = own_server(*options)
    if options:
        functions = Functions(_strict_client(server), ACCOUNT)
        functions.create("f", package(EVALUATE), MemorySize=512)
    else:
        functions = functions_of(server)
    port = server.url.rpartition(":")[2]
    assert functions.invoke("f", {"code": CALL}) == [
        *(ACCOUNT, "from a function", ["inside.localhost"], f"http://localhost:{port}")
    ]


def _strict_client(server: Server) -> Any:
    import boto3

    return boto3.client(
        "lambda",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="secret",
        verify=str(server.data / "tls" / "cert.pem"),
    )
