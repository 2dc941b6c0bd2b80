"""Function packages that would write elsewhere, or unpack to more than a disk holds: refused."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, role_of

MEGABYTE = 1024 * 1024


@pytest.fixture
def functions(client: Callable[..., Any], account: str) -> Functions:
    return Functions(client("lambda", read_timeout=60), account)


def refused(functions: Functions, zipped: bytes) -> str:
    with pytest.raises(ClientError) as caught:
        functions.create("hostile", zipped)
    error = caught.value.response["Error"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500, error
    assert functions.client.list_functions()["Functions"] == []
    return str(error["Code"])


def archive(
    *entries: tuple[str, bytes], mode: int = 0o100644, method: int = zipfile.ZIP_STORED
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for name, content in entries:
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = mode << 16
            entry.compress_type = method
            made.writestr(entry, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "name",
    ["{up}{out}", "{out}", "a/{up}{out}", "a/../../b", "..", "../x", "/x", "..\\..\\x"],
)
def test_a_package_cannot_write_elsewhere(functions: Functions, tmp_path: Path, name: str) -> None:
    out = tmp_path / "escaped"
    named = name.format(up="../" * 30, out=str(out) if name == "{out}" else str(out)[1:])
    refused(functions, archive(("app.py", b""), (named, b"x")))
    assert not out.exists()


def test_a_package_cannot_write_through_its_own_links(functions: Functions, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere"
    out.mkdir()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        link = zipfile.ZipInfo("link", (2026, 1, 1, 0, 0, 0))
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, str(out))
        made.writestr("link/escaped", b"x")
    refused(functions, buffer.getvalue())
    assert list(out.iterdir()) == []


def bomb() -> bytes:
    """300 MB of zeros in 300 kB."""
    zeros = b"\0" * MEGABYTE
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made, made.open("z", "w") as file:
        for _ in range(300):
            file.write(zeros)
    return buffer.getvalue()


def lying_bomb() -> bytes:
    """The same, saying that it unpacks to ten bytes."""
    zipped = bytearray(bomb())
    central = zipped.rindex(b"PK\x01\x02")
    struct.pack_into("<L", zipped, central + 24, 10)
    struct.pack_into("<L", zipped, zipped.index(b"PK\x03\x04") + 22, 10)
    return bytes(zipped)


def overlapping() -> bytes:
    """Many names for the same compressed megabytes: small files, each within its limit."""
    zeros = archive(("z", b"\0" * 20 * MEGABYTE), method=zipfile.ZIP_DEFLATED)
    start = zeros.index(b"PK\x01\x02")
    end = zeros.index(b"PK\x05\x06")
    local, entry = zeros[:start], zeros[start:end]
    entries = entry * 60
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 60, 60, len(entries), len(local), 0)
    return local + entries + tail


def many() -> bytes:
    return archive(*[(f"{number:x}", b"") for number in range(110_000)])


@pytest.mark.parametrize("make", [bomb, lying_bomb, overlapping, many])
def test_a_package_that_unpacks_to_too_much(
    functions: Functions, make: Callable[[], bytes]
) -> None:
    """Counted while it is unpacked, whatever it says of itself."""
    assert refused(functions, make()) == "InvalidParameterValueException"


def test_a_package_that_is_nothing_but_a_directory(
    functions: Functions, client: Callable[..., Any], bucket: str
) -> None:
    """50 MB of entries, of which each would take ten times as much memory once it is read."""
    entry = struct.pack("<4s24x3H12x", b"PK\1\2", 1, 0, 0) + b"x"
    entries = entry * (50 * MEGABYTE // len(entry))
    end = struct.pack("<4s4x2H2L2x", b"PK\5\6", 1, 1, len(entries), 0)
    client("s3").put_object(Bucket=bucket, Key="package", Body=entries + end)
    with pytest.raises(ClientError, match="Could not unzip uploaded file"):
        functions.client.create_function(
            FunctionName="hostile",
            Runtime="python3.11",
            Handler="app.handler",
            Role=role_of(functions.account),
            Code={"S3Bucket": bucket, "S3Key": "package"},
        )


GOOD = archive(("app.py", b"def handler(event, context): return 1\n"))


@pytest.mark.parametrize(
    "zipped",
    [
        b"",
        b"PK",
        b"no zip",
        b"\0" * 1000,
        GOOD[:-10],
        GOOD[:40],
        GOOD.replace(b"def handler", b"def hamdler", 1),
        GOOD.replace(b"\x00\x00app.py", b"\xff\xffapp.py"),
        archive(("a", b"1"), ("a/b", b"2")),
        archive(("/".join(["d"] * 3000), b"1")),
        archive(("n" * 60_000, b"1")),
    ],
    ids=lambda zipped: f"{zipped[:8]!r}..{len(zipped)}",
)
def test_a_package_that_is_none(functions: Functions, zipped: bytes) -> None:
    assert refused(functions, zipped) == "InvalidParameterValueException"
