"""s3cmd, from PyPI, with a configuration file as its users write it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from persons import Person

S3cmd = Callable[..., str]


@pytest.fixture
def s3cmd(endpoint: str, ann: Person, tmp_path: Path) -> S3cmd:
    host = urlsplit(endpoint).netloc
    settings = {
        "access_key": ann.keys["aws_access_key_id"],
        "secret_key": ann.keys["aws_secret_access_key"],
        "host_base": host,
        "host_bucket": host,
        "use_https": "False",
        "multipart_chunk_size_mb": "5",
    }
    written = "\n".join(f"{name} = {value}" for name, value in settings.items())
    (tmp_path / "s3cfg").write_text(f"[default]\n{written}\n")
    program = Path(sys.executable).parent / "s3cmd"

    def run(*words: str, fails: int = 0) -> str:
        ran = subprocess.run(
            [sys.executable, str(program), "-c", "s3cfg", "--no-progress", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == fails, ran.stderr
        return ran.stdout + ran.stderr

    return run


def test_files_travel(s3cmd: S3cmd, account: str, tmp_path: Path) -> None:
    """Put in parts, listed, synchronised both ways, moved, and removed with the bucket."""
    large = os.urandom(11 * 1024 * 1024)
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "large").write_bytes(large)
    (folder / "deep" / "a b+ä.txt").write_text("text")
    bucket = f"s3://s3cmd-{account}"
    s3cmd("mb", bucket)
    s3cmd("sync", "folder/", f"{bucket}/f/")
    assert "f/deep/a b+ä.txt" in s3cmd("ls", "--recursive", bucket)
    s3cmd("get", f"{bucket}/f/large", "back")
    assert (tmp_path / "back").read_bytes() == large
    assert "File size: 11534336" in s3cmd("info", f"{bucket}/f/large")
    (folder / "deep" / "a b+ä.txt").unlink()
    assert "a b+ä.txt" in s3cmd("sync", "--delete-removed", "folder/", f"{bucket}/f/")
    s3cmd("mv", f"{bucket}/f/large", f"{bucket}/g")
    s3cmd("modify", "--add-header=Cache-Control:no-cache", f"{bucket}/g")
    listed = s3cmd("ls", "--recursive", bucket)
    assert "/g" in listed
    assert "/f/" not in listed
    s3cmd("rb", "--recursive", bucket)
    assert bucket not in s3cmd("ls")
    s3cmd("ls", bucket, fails=12)  # its own number for what is not there
