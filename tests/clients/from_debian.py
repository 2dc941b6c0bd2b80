"""rclone and restic, as Debian has them. Not of the gate, for they are not on every machine: `make clients`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from persons import Person

Run = Callable[..., str]


@pytest.fixture
def run(endpoint: str, ann: Person, tmp_path: Path) -> Run:
    key, secret = ann.keys.values()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "RCLONE_CONFIG_PILVI_TYPE": "s3",
        "RCLONE_CONFIG_PILVI_PROVIDER": "Other",
        "RCLONE_CONFIG_PILVI_ENV_AUTH": "true",
        "RCLONE_CONFIG_PILVI_REGION": "us-east-1",
        "RCLONE_CONFIG_PILVI_ENDPOINT": endpoint,
        "RCLONE_CONFIG_PILVI_CHUNK_SIZE": "5Mi",
        "RCLONE_CONFIG_PILVI_UPLOAD_CUTOFF": "5Mi",
        "RESTIC_PASSWORD": "a password",
    }

    def go(*words: str) -> str:
        ran = subprocess.run(
            words,
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    return go


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    (made / "deep" / "er").mkdir(parents=True)
    (made / "large").write_bytes(os.urandom(12 * 1024 * 1024))
    (made / "deep" / "a b+ä%2F.txt").write_text("text")
    (made / "deep" / "er" / "empty").write_text("")
    return made


def test_rclone_keeps_both_sides_equal(run: Run, bucket: str, folder: Path) -> None:
    there = f"pilvi:{bucket}/there"
    run("rclone", "sync", "folder", there)
    run("rclone", "check", "folder", there)
    run("rclone", "check", "--download", "folder", there)
    assert sorted(run("rclone", "lsf", "--recursive", "--files-only", there).splitlines()) == [
        *("deep/a b+ä%2F.txt", "deep/er/empty", "large"),
    ]
    (folder / "large").unlink()
    run("rclone", "sync", "folder", there)
    assert "large" not in run("rclone", "lsf", there)
    run("rclone", "copyto", f"{there}/deep/a b+ä%2F.txt", f"pilvi:{bucket}/copied here")
    assert run("rclone", "cat", f"pilvi:{bucket}/copied here") == "text"
    run("rclone", "purge", f"pilvi:{bucket}")
    assert bucket not in run("rclone", "lsd", "pilvi:")


def test_restic_backs_up_checks_and_restores(
    run: Run, endpoint: str, bucket: str, folder: Path, tmp_path: Path
) -> None:
    restic = ("restic", "--repo", f"s3:{endpoint}/{bucket}/backups")
    run(*restic, "init")
    run(*restic, "backup", "folder")
    (folder / "deep" / "more").write_text("more")
    run(*restic, "backup", "folder")
    run(*restic, "check", "--read-data")
    run(*restic, "forget", "--keep-last", "1", "--prune")
    run(*restic, "restore", "latest", "--target", "back")
    back = tmp_path / "back"
    found = next(path for path in back.rglob("large"))
    assert found.read_bytes() == (folder / "large").read_bytes()
    assert [path.read_text() for path in back.rglob("more")] == ["more"]
