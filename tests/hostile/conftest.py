"""After each hostile test the server still answers, and it never took much memory meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hostile.support import exchange, message

GROWTH_MB_MAX = 150
"""What a test may cost the server at its peak, more than it held before."""


def _memory_mb(process: Path, field: str) -> float:
    for line in (process / "status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"{process} tells no {field}")


@pytest.fixture(autouse=True)
def survives(server: Any) -> Iterator[None]:
    process = Path("/proc") / str(server.process.pid)
    (process / "clear_refs").write_text("5")  # begin to measure the peak anew
    before_mb = _memory_mb(process, "VmRSS:")
    yield
    assert server.process.poll() is None, "the server is gone"
    assert exchange(server.url, message("GET", "/_pilvi/health")).status == 200
    grown_mb = _memory_mb(process, "VmHWM:") - before_mb
    assert grown_mb < GROWTH_MB_MAX, f"the server's memory grew by {grown_mb:.0f} MB"


@pytest.fixture
def bucket(client: Callable[..., Any], account: str) -> str:
    name = f"hostile-{account}"
    client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def keys(client: Callable[..., Any], bucket: str) -> Callable[[], list[str]]:
    """keys(): what is in the bucket."""
    return lambda: [
        found["Key"] for found in client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    ]
