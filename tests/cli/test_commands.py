"""The commands of `pilvi`, as a person would type them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import nursery
from servers import Server


def pilvi(*words: str, fails: bool = False) -> str:
    ran = nursery.pilvi().run(*words)
    assert (ran.returncode != 0) == fails, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stdout + ran.stderr if fails else ran.stdout


def test_help_names_every_command() -> None:
    text = pilvi("--help")
    for command in ("up", "status", "reset", "logs", "env", "runtimes", "clock", "trace"):
        assert f"  {command}" in text
    for command in ("check", "backup", "restore"):
        assert f"  {command}" in text


def test_status_env_and_runtimes(server: Server) -> None:
    data = str(server.data)
    assert json.loads(pilvi("status", "--data", data, "--json"))["url"] == server.url
    assert server.url in pilvi("status", "--data", data)
    assert f"export AWS_ENDPOINT_URL={server.url}" in pilvi("env", "--data", data)
    variables = json.loads(pilvi("env", "--data", data, "--json"))
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "us-east-1"
    assert "python:" in pilvi("runtimes")


def test_no_server_is_explained(tmp_path: Path) -> None:
    said = pilvi("status", "--data", str(tmp_path), fails=True)
    assert "no server runs on" in said
    assert "pilvi up" in said


def test_a_killed_server_is_explained(own_server: Callable[..., Server]) -> None:
    server = own_server()
    server.kill()
    said = pilvi("status", "--data", str(server.data), fails=True)
    assert "has ended" in said


def test_the_clock_is_moved(own_server: Callable[..., Server]) -> None:
    data = ("--data", str(own_server().data), "--json")
    frozen = json.loads(pilvi("clock", "freeze", *data))
    assert frozen["frozen"]
    ahead = json.loads(pilvi("clock", "advance", "1h30m", *data))
    assert ahead["now_ms"] == frozen["now_ms"] + 5_400_000
    assert not json.loads(pilvi("clock", "resume", *data))["frozen"]
    assert json.loads(pilvi("clock", "show", *data))["now_ms"] >= ahead["now_ms"]


@pytest.mark.parametrize("text", ["1x", "", "h", "1h 2"])
def test_what_is_no_duration_is_explained(server: Server, text: str) -> None:
    said = pilvi("clock", "advance", text, "--data", str(server.data), fails=True)
    assert "is no duration" in said


def test_a_request_is_traced_to_what_it_caused(own_server: Callable[..., Server]) -> None:
    """An event is accepted, its function fails, and is tried again when its time has come."""
    server = own_server()
    functions = server.client("lambda", "000000000001")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    raise ValueError('no')\n")
    functions.create_function(
        FunctionName="fails",
        Runtime="python3.11",
        Handler="app.handler",
        Role="arn:aws:iam::000000000001:role/r",
        Code={"ZipFile": code.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="fails")
    answer = functions.invoke(FunctionName="fails", InvocationType="Event", Payload=b"{}")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})["idle"]
    data = ("--data", str(server.data))
    first = pilvi("trace", request_id, *data)
    assert "lambda.invoke" in first
    pilvi("clock", "advance", "1h", *data)
    assert server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})["idle"]
    told = pilvi("trace", request_id, *data)
    assert told.startswith(first)
    assert len(told.splitlines()) > len(first.splitlines())
    entries = json.loads(pilvi("trace", request_id, *data, "--json"))["entries"]
    assert len(entries) == len(told.splitlines())
    assert "Nothing is recorded" in pilvi("trace", "none-such", *data)


def test_reset_asks_first(own_server: Callable[..., Server]) -> None:
    server = own_server()
    server.client("iam", "111122223333").create_user(UserName="u")
    assert "Abort" not in pilvi("reset", "--data", str(server.data), "--yes")
    assert server.client("iam", "111122223333").list_users()["Users"] == []


def test_logs_tell_requests(own_server: Callable[..., Server]) -> None:
    server = own_server()
    server.client("sts", "111122223333").get_caller_identity()
    server.stop()
    assert "200 sts.GetCallerIdentity" in pilvi("logs", "--data", str(server.data))


def test_a_backup_of_a_running_server_restores(
    own_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = own_server()
    server.client("iam", "111122223333").create_user(UserName="kept")
    pilvi("backup", str(tmp_path / "backup"), "--data", str(server.data))
    server.client("iam", "111122223333").create_user(UserName="later")
    server.stop()
    restored = tmp_path / "restored"
    pilvi("restore", str(tmp_path / "backup"), "--data", str(restored))
    assert "no damage" in pilvi("check", "--data", str(restored))
    second = own_server(data=restored)
    users = second.client("iam", "111122223333").list_users()["Users"]
    assert [user["UserName"] for user in users] == ["kept"]


def test_a_backup_tells_of_the_root_key_that_it_lacks(
    own_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = own_server()
    server.client("iam", "111122223333").create_access_key()
    command = [sys.executable, "-m", "pilvi", "backup", str(tmp_path / "backup")]
    told = subprocess.run(
        [*command, "--data", str(server.data)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    key = f"{server.data}.key"
    assert f"Keep {key} as well" in told.stderr
    assert not any(path.name.endswith(".key") for path in (tmp_path / "backup").rglob("*"))


def test_check_finds_damage(own_server: Callable[..., Server]) -> None:
    server = own_server()
    s3 = server.client("s3", "111122223333")
    s3.create_bucket(Bucket="damaged-111122223333")
    s3.put_object(Bucket="damaged-111122223333", Key="k", Body=b"x" * 1_000_000)
    server.stop()
    blob = next(path for path in (server.data / "blobs").rglob("*") if path.is_file())
    content = bytearray(blob.read_bytes())
    content[500_000] ^= 1
    blob.chmod(0o600)
    blob.write_bytes(content)
    said = pilvi("check", "--data", str(server.data), fails=True)
    assert blob.name in said


def test_backends_that_there_are_not() -> None:
    assert "there is no backend docker" in pilvi("up", "--backend", "docker", fails=True)
