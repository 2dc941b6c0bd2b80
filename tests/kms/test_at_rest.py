"""Keys at rest: what a restart keeps, what a copy of the data directory does not tell."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nursery
from pilvi.app import load_services
from pilvi.base.entropy import Entropy
from pilvi.services.kms import records
from pilvi.store.backup import backup
from pilvi.store.check import check
from pilvi.store.sealing import RootKeySource, SealBroken, Sealer
from pilvi.store.sqlite import SqliteStore
from servers import Server

from .refusals import refused
from .test_imports import bring, new_key

ACCOUNT = "111122223333"
SECRET = b"MARKER-of-32-bytes-in-the-store!"
OwnServer = Callable[..., Server]


def pilvi(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return nursery.pilvi().run(*arguments, environment={**os.environ, **environment})


def contains(folder: Path, needle: bytes) -> bool:
    return any(needle in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def start_again(server: Server) -> subprocess.CompletedProcess[str]:
    """A start that is expected to fail at once."""
    return pilvi("up", "--quiet", "--data", str(server.data), "--port", "0")


def test_keys_outlive_the_process_and_are_nowhere_in_clear(own_server: OwnServer) -> None:
    server = own_server()
    kms = server.client("kms", ACCOUNT)
    key = new_key(kms)
    bring(kms, key, SECRET)
    pair = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    message = {"KeyId": pair, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**message)["Signature"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    server.kill()
    assert not contains(server.data, SECRET)
    root = Path(f"{server.data}.key")
    assert root.stat().st_mode & 0o777 == 0o600
    assert not contains(server.data, root.read_bytes().strip())
    server.start()
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert kms.verify(**message, Signature=signature)["SignatureValid"] is True
    server.ask("POST", "/_pilvi/reset")
    assert kms.list_keys()["Keys"] == []
    fresh = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=fresh, Plaintext=b"y")["CiphertextBlob"]
    server.kill()
    server.start()
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"y"


def test_a_data_directory_without_its_root_key_does_not_start(
    own_server: OwnServer, tmp_path: Path
) -> None:
    server = own_server()
    kms = server.client("kms", ACCOUNT)
    key = new_key(kms)
    bring(kms, key, SECRET)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    load_services()
    target = tmp_path / "backup"
    backup(server.data, target)
    assert server.stop() == 0
    root = Path(f"{server.data}.key")
    key_text = root.read_text().strip()
    root.rename(tmp_path / "put-away")
    refused = start_again(server)
    assert refused.returncode == 1
    assert "is not here" in refused.stderr
    assert "PILVI_ROOT_KEY" in refused.stderr
    assert not root.exists()
    for data in (server.data, target):
        assert [one for one in check(data) if one.severity == "damage"] == []
    assert not contains(target, key_text.encode())
    assert not contains(target, SECRET)
    other = pilvi(
        *("up", "--quiet", "--data", str(server.data), "--port", "0"),
        PILVI_ROOT_KEY="A" * 43 + "=",
    )
    assert other.returncode == 1
    assert "under another root key than PILVI_ROOT_KEY" in other.stderr
    (tmp_path / "put-away").rename(f"{target}.key")
    restored = own_server(data=target)
    assert restored.client("kms", ACCOUNT).decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


# Somebody carries off the data directory of a server that was killed.
def test_a_directory_that_was_moved_tells_nothing_without_its_root_key(
    own_server: OwnServer, tmp_path: Path
) -> None:
    server = own_server()
    kms = server.client("kms", ACCOUNT)
    key = new_key(kms)
    bring(kms, key, SECRET)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    server.kill()
    root, moved = Path(f"{server.data}.key"), tmp_path / "elsewhere" / "data"
    moved.parent.mkdir()
    server.data.rename(moved)
    refused_ = pilvi("up", "--quiet", "--data", str(moved), "--port", "0")
    assert refused_.returncode == 1
    assert f"their root key, {moved}.key, is not here" in refused_.stderr
    assert "Traceback" not in refused_.stderr
    assert not Path(f"{moved}.key").exists()  # none is made up in its place
    assert not contains(moved, SECRET)
    root.rename(f"{moved}.key")
    back = own_server(data=moved).client("kms", ACCOUNT)
    assert back.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({"PILVI_ROOT_KEY": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY="}, ("--workers", "2")),
        ({"PILVI_ROOT_PASSPHRASE": "open sesame"}, ()),
    ],
)
def test_the_root_key_may_come_from_the_environment(
    own_server: OwnServer,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    options: tuple[str, ...],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    server = own_server(*options)
    kms = server.client("kms", ACCOUNT)
    keys = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(4)]
    blobs = [kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"] for key in keys]
    assert not Path(f"{server.data}.key").exists()
    server.kill()
    server.start()
    for blob in blobs:
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert server.stop() == 0
    for name in environment:
        monkeypatch.delenv(name)
    assert "is not here" in start_again(server).stderr


# Whoever can write to a data directory must not be able to bring keys from another one along.
def test_records_that_were_copied_do_not_open(own_server: OwnServer, tmp_path: Path) -> None:
    servers = [own_server(), own_server()]
    for server in servers:
        bring(server.client("kms", ACCOUNT), new_key(server.client("kms", ACCOUNT)), SECRET)
        assert server.stop() == 0
    one, two = (server.data for server in servers)
    shutil.copy(f"{one}.key", f"{tmp_path}/same.key")
    load_services()

    def taken(data: Path) -> tuple[records.Key, records.Material]:
        async def look() -> tuple[records.Key, records.Material]:
            store = SqliteStore(data / "pilvi.db", run=tmp_path)
            try:
                return await store.read(_first)
            finally:
                await store.close()

        return asyncio.run(look())

    (_, stolen), (target, own) = taken(one), taken(two)
    assert stolen.sealed is not None
    assert own.sealed is not None
    assert opens(two, tmp_path, target, own.id, own.sealed)
    with pytest.raises(SealBroken):
        opens(two, tmp_path, target, stolen.id, stolen.sealed)
    with pytest.raises(SealBroken):
        opens(two, tmp_path, target, own.id, stolen.sealed)


def _first(at: Any) -> tuple[records.Key, records.Material]:
    key = next(records.keys.scan(at, (ACCOUNT, "us-east-1")))
    return key, records.list_materials(at, key)[0]


def opens(data: Path, run: Path, key: records.Key, material_id: str, sealed: bytes) -> bytes:
    async def look() -> bytes:
        store = SqliteStore(data / "pilvi.db", run=run)
        sealer = Sealer(RootKeySource(Path(f"{data}.key")), Entropy())
        identity = records.material_identity(key, material_id)
        try:
            return await store.read(lambda at: sealer.open(at, identity, sealed))
        finally:
            await store.close()

    return asyncio.run(look())


def test_an_ephemeral_cloud_writes_no_root_key(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "pilvi", "up", "--quiet", "--ephemeral"),
            *("--port", "0", "--ready-file", str(ready)),
        ],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        server = Server(tmp_path / "unused")
        while not ready.exists():
            assert process.poll() is None
        server.url = json.loads(ready.read_text())["url"]
        kms = server.client("kms", ACCOUNT)
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
        assert list(tmp_path.rglob("*.key")) == []
    finally:
        process.terminate()
        assert process.wait(30) == 0


# What was destroyed must be gone from the file, free pages too: an RSA key does not fit into one page with others.
def test_destroyed_material_is_gone_from_the_file(own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server()
    kms = server.client("kms", ACCOUNT)
    pair = {"KeySpec": "RSA_4096", "KeyUsage": "SIGN_VERIFY"}
    deleted = [kms.create_key(**pair)["KeyMetadata"]["KeyId"] for _ in range(2)]
    deleted += [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(30)]
    rotated = deleted[-1]
    kms.rotate_key_on_demand(KeyId=rotated)
    emptied = new_key(kms)
    bring(kms, emptied, SECRET)
    kept = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=kept, Plaintext=b"x")["CiphertextBlob"]
    assert server.stop() == 0
    load_services()
    sealed = asyncio.run(_sealed(server.data, tmp_path, {*deleted, emptied}))
    assert len(sealed) == len(deleted) + 2
    assert all(_lies_in(server.data, one) for one in sealed)
    server.start()
    kms.delete_imported_key_material(KeyId=emptied)
    for key in deleted:
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    eight_days = {"action": "advance", "by_ms": 8 * 86_400_000}
    server.ask("POST", "/_pilvi/clock", eight_days)
    assert server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})["idle"]
    server.kill()  # what was destroyed stays destroyed
    server.start()
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert server.stop() == 0
    assert [one for one in sealed if _lies_in(server.data, one)] == []


async def _sealed(data: Path, run: Path, key_ids: set[str]) -> list[bytes]:
    def look(at: Any) -> list[bytes]:
        keys = [one for one in records.keys.scan(at, (ACCOUNT, "us-east-1")) if one.id in key_ids]
        found = [one.sealed for key in keys for one in records.list_materials(at, key)]
        return [one for one in found if one is not None]

    store = SqliteStore(data / "pilvi.db", run=run)
    try:
        return await store.read(look)
    finally:
        await store.close()


def _lies_in(data: Path, sealed: bytes) -> bool:
    """Any part of it: longer things are spread over pages."""
    return contains(data, sealed[-24:]) or contains(data, sealed[1:25])


# Nothing that a caller was given in clear, and nothing it brought, is in any file, backup, log or trace.
@pytest.mark.parametrize("options", [(), ("--iam", "audit")])
def test_no_secret_is_in_files_logs_or_traces(
    own_server: OwnServer, tmp_path: Path, capfd: pytest.CaptureFixture[str], options: tuple[str]
) -> None:
    server = own_server(*options)
    kms = server.client("kms", ACCOUNT)
    key = new_key(kms)
    bring(kms, key, SECRET)
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    hidden = {"KeyId": key, "Plaintext": b"MARKER-of-a-plaintext-encrypted!"}
    blob = kms.encrypt(**hidden)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == hidden["Plaintext"]
    random = kms.generate_random(NumberOfBytes=32)["Plaintext"]
    agreed = _agreed(kms)
    token = kms.create_grant(
        KeyId=key, GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:user/u", Operations=["Encrypt"]
    )["GrantToken"]
    # Refusals speak of requests, and failing is when things are logged.
    refused(
        "InvalidCiphertextException",
        None,
        kms.decrypt,
        CiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]),
    )
    closed = policy_for_nobody(kms)
    refused("NotFoundException", None, kms.encrypt, **{**hidden, "KeyId": "alias/none"})
    if options:
        kms.encrypt(**{**hidden, "KeyId": closed})
    else:
        refused("AccessDeniedException", None, kms.encrypt, **{**hidden, "KeyId": closed})
    for answer in (made, pair):
        request_id = answer["ResponseMetadata"]["RequestId"]
        story = json.dumps(server.ask("GET", f"/_pilvi/trace/{request_id}"))
        for secret in (made["Plaintext"], pair["PrivateKeyPlaintext"], SECRET):
            assert base64.b64encode(secret).decode() not in story
    load_services()
    backup(server.data, tmp_path / "backup")
    root = Path(f"{server.data}.key").read_text().strip()
    secrets = [SECRET, made["Plaintext"], pair["PrivateKeyPlaintext"], hidden["Plaintext"], random]
    secrets += [agreed, base64.b64decode(root), token.encode()]
    while_it_runs = _where(secrets, server.data, tmp_path / "backup")
    assert server.stop() == 0
    out, err = capfd.readouterr()
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "log").write_text(out + err)
    assert "kms:Encrypt on" in out + err
    assert while_it_runs == _where(secrets, server.data, tmp_path / "log") == []


def _where(secrets: list[bytes], *folders: Path) -> list[str]:
    """The secrets that are found, as they are or in some usual writing."""
    found: list[str] = []
    for secret in secrets:
        writings = [secret, base64.b64encode(secret).rstrip(b"="), secret.hex().encode()]
        writings += [secret.hex().upper().encode(), repr(secret)[2:-1].encode()]
        found += [
            f"{writing!r} in {folder}"
            for writing in writings
            for folder in folders
            if contains(folder, writing)
        ]
    return found


def _agreed(kms: Any) -> bytes:
    pair = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}
    one, two = (kms.create_key(**pair)["KeyMetadata"]["KeyId"] for _ in range(2))
    public = kms.get_public_key(KeyId=two)["PublicKey"]
    return kms.derive_shared_secret(KeyId=one, KeyAgreementAlgorithm="ECDH", PublicKey=public)[
        "SharedSecret"
    ]


def policy_for_nobody(kms: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/nobody"},
        "Action": "kms:*",
        "Resource": "*",
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    made = kms.create_key(Policy=text, BypassPolicyLockoutSafetyCheck=True)
    return made["KeyMetadata"]["KeyId"]
