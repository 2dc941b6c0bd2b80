"""Packages come from anybody: what must not be on disk never gets there."""

from __future__ import annotations

import io
import os
import stat
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from pilvi.compute.unzipping import BadPackage, PackageTooLarge, merge, unzip

LINK = stat.S_IFLNK | 0o777
SIZE_MAX = 10_000_000


def zip_of(*entries: tuple[str, bytes, int]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in entries:
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def unpacked(tmp_path: Path, *entries: tuple[str, bytes, int], size_max: int = SIZE_MAX) -> Path:
    unzip(zip_of(*entries), tmp_path / "out", size_max=size_max)
    return tmp_path / "out"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_files_modes_and_links(tmp_path: Path) -> None:
    out = unpacked(
        tmp_path,
        ("bin/link", b"../lib/tool", LINK),
        ("lib/tool", b"#!", 0o100755),
        ("lib/data", b"data", 0o100600),
        ("lib/old", b"old", 0),
        ("lib/old", b"new", 0),
        ("empty/", b"", stat.S_IFDIR | 0o755),
    )
    assert (out / "bin/link").read_bytes() == b"#!"
    assert stat.S_IMODE((out / "lib/tool").stat().st_mode) == 0o555
    assert stat.S_IMODE((out / "lib/data").stat().st_mode) == 0o444
    assert (out / "lib/old").read_bytes() == b"new"
    assert (out / "empty").is_dir()


@pytest.mark.parametrize(
    "entries",
    [
        [("../evil", b"x", 0o644)],
        [("a/../../evil", b"x", 0o644)],
        [("/evil", b"x", 0o644)],
        [("a\\..\\evil", b"x", 0o644)],
        [("link", b"/etc", LINK)],
        [("link", b"../..", LINK)],
        [("a/b", b"../../x", LINK)],
        # Through a link that is fine by itself, and one that leads on from there.
        [("d/", b"", stat.S_IFDIR | 0o755), ("l", b"d", LINK), ("l/file", b"x", 0o644)],
        [("d/e/", b"", stat.S_IFDIR | 0o755), ("l", b"d/e", LINK), ("l/m", b"../../x", LINK)],
        [("device", b"", stat.S_IFCHR | 0o644)],
        [("pipe", b"", stat.S_IFIFO | 0o644)],
        [("a", b"x", 0o644), ("a/b", b"x", 0o644)],
    ],
)
def test_what_leads_out_is_refused(tmp_path: Path, entries: list[tuple[str, bytes, int]]) -> None:
    with pytest.raises(BadPackage):
        unpacked(tmp_path, *entries)
    outside = {path.name for path in tmp_path.iterdir()} - {"out"}
    assert outside == set()


@pytest.mark.parametrize("zipped", [b"", b"no zip file", zip_of(("a", b"x" * 5000, 0o644))[:-40]])
def test_what_is_no_zip_file_is_refused(tmp_path: Path, zipped: bytes) -> None:
    with pytest.raises(BadPackage):
        unzip(zipped, tmp_path / "out", size_max=SIZE_MAX)


def test_damaged_and_encrypted_entries_are_refused(tmp_path: Path) -> None:
    good = zip_of(("a", os.urandom(5000), 0o644))
    damaged = good[:1000] + b"\xff" * 100 + good[1100:]
    with pytest.raises(BadPackage):
        unzip(damaged, tmp_path / "damaged", size_max=SIZE_MAX)
    encrypted = bytearray(good)
    encrypted[good.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BadPackage, match="encrypted"):
        unzip(bytes(encrypted), tmp_path / "encrypted", size_max=SIZE_MAX)


def test_bombs_are_refused_by_claim_and_by_count(tmp_path: Path) -> None:
    bomb = zip_of(("a", bytes(1_000_001), 0o644))
    with pytest.raises(PackageTooLarge):
        unzip(bomb, tmp_path / "honest", size_max=1_000_000)
    lying = bytearray(bomb)
    place = bomb.index(b"PK\x01\x02") + 24
    lying[place : place + 4] = (10).to_bytes(4, "little")
    with pytest.raises((PackageTooLarge, BadPackage)):
        unzip(bytes(lying), tmp_path / "lying", size_max=1_000_000)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= 1_000_000


ENTRY = struct.pack("<4s24x3H12x", b"PK\1\2", 1, 0, 0) + b"x"
LARGE = struct.pack("<4s24x3H12x", b"PK\1\2", 1, 0xFFFF, 0xFFFF) + b"x" * (1 + 2 * 0xFFFF)


def end_of(claimed: int, size: int) -> bytes:
    return struct.pack("<4s4x2H2L2x", b"PK\5\6", claimed, claimed, size, 0)


def end_64_of(claimed: int, size: int, at: int, *, lie: int = 0) -> bytes:
    record = struct.pack("<4sQ12x4Q", b"PK\6\6", 44, claimed, claimed, size, 0)
    locator = struct.pack("<4s4xQL", b"PK\6\7", at + lie, 1)
    return record + locator + end_of(0xFFFF, 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("zipped", "why"),
    [
        (end_64_of(5_000_000, 0, 0), "more than 100000 entries"),
        (ENTRY * 120_000 + end_of(10, len(ENTRY) * 120_000), "more than 100000 entries"),
        (LARGE * 400 + end_of(400, len(LARGE) * 400), "bytes is too large"),
        (LARGE * 400 + end_64_of(400, len(LARGE) * 400, len(LARGE) * 400), "bytes is too large"),
        (ENTRY + end_64_of(1, 2**62, len(ENTRY)), "bytes is too large"),
        (ENTRY + end_64_of(1, len(ENTRY), len(ENTRY), lie=-10), "not where it belongs"),
        (b"PK\6\7" + b"x" * 16 + end_of(1, 0), "not where it belongs"),
        (ENTRY + end_of(1, len(ENTRY) + 1), "bytes is too large"),
        (ENTRY[:-2] + end_of(1, len(ENTRY) - 2), "cut off"),
        (ENTRY + end_of(1, len(ENTRY))[:-1], "no end record"),
    ],
    ids=range(10),
)
def test_a_directory_is_measured_before_it_is_read(tmp_path: Path, zipped: bytes, why: str) -> None:
    """Whatever it claims: no more memory is taken than for a few entries."""
    tracemalloc.start()
    try:
        with pytest.raises(BadPackage, match=why):
            unzip(zipped, tmp_path / "out", size_max=SIZE_MAX)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_many_entries_and_large_files_are_fine_in_zip64(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    zipped = zip_of(*[(f"{number}", b"x", 0o644) for number in range(5)])
    assert b"PK\6\6" in zipped
    unzip(zipped, tmp_path / "out", size_max=SIZE_MAX)
    assert len(list((tmp_path / "out").iterdir())) == 5
    commented = bytearray(zipped + b"made by hand")
    commented[-14:-12] = (12).to_bytes(2, "little")
    unzip(bytes(commented), tmp_path / "commented", size_max=SIZE_MAX)


def test_layers_merge_and_the_last_one_wins(tmp_path: Path) -> None:
    for name, entries in (
        ("one", [("a", b"1", 0o644), ("d/x", b"1", 0o644), ("clash", b"1", 0o644)]),
        ("two", [("d/x", b"2", 0o644), ("d/y", b"2", 0o644), ("clash/z", b"2", 0o644)]),
        ("three", [("l", b"a", LINK), ("d", b"3", 0o644)]),
    ):
        unzip(zip_of(*entries), tmp_path / name, size_max=SIZE_MAX)
    merge([tmp_path / "one", tmp_path / "two"], tmp_path / "both")
    assert (tmp_path / "both/a").read_bytes() == b"1"
    assert (tmp_path / "both/d/x").read_bytes() == b"2"
    assert (tmp_path / "both/d/y").read_bytes() == b"2"
    assert (tmp_path / "both/clash/z").read_bytes() == b"2"
    merge([tmp_path / "both", tmp_path / "three"], tmp_path / "all")
    assert (tmp_path / "all/l").read_bytes() == b"1"
    assert (tmp_path / "all/d").read_bytes() == b"3"
    assert (tmp_path / "one/d/x").read_bytes() == b"1", "the sources stay as they are"
