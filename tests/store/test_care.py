"""The data directory's locks, check, backup and restore."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

from pilvi.base.errors import PilviError
from pilvi.store import check as checks
from pilvi.store import collection as module
from pilvi.store.api import Transaction
from pilvi.store.backup import backup, restore
from pilvi.store.blobs import BlobRef, Blobs
from pilvi.store.collection import Collection
from pilvi.store.datadir import DataDir, open_store
from pilvi.store.keys import pack

HOME = ("123456789012", "eu-north-1")


class Photo(msgspec.Struct):
    name: str
    year: int
    blob: BlobRef


@pytest.fixture
def photos() -> Iterator[Collection[Photo]]:
    before = dict(module.REGISTRY)
    module.REGISTRY.clear()
    yield Collection(
        "test.photo",
        Photo,
        key=lambda p: (p.name,),
        indexes={"year": lambda p: (p.year,)},
        blobs=lambda p: (p.blob,),
    )
    module.REGISTRY.clear()
    module.REGISTRY.update(before)


@pytest.fixture
def data(tmp_path: Path, photos: Collection[Photo]) -> Iterator[DataDir]:
    """A data directory with a small photo, a large one, and a second name for the large one."""
    directory = DataDir.open(tmp_path / "data")

    async def fill() -> None:
        store = open_store(directory)
        blobs = Blobs(directory.blobs, store)
        for name, size in (("small", 100), ("large", 1_500_000)):
            new = await blobs.write(name.encode() * (size // 5), size_max=size)

            def put(tx: Transaction, name: str = name, new=new) -> None:
                photos.put(tx, HOME, Photo(name, 2026, new.commit(tx)))
                if name == "large":
                    blobs.retain(tx, new.ref)
                    photos.put(tx, HOME, Photo("copy", 2027, new.ref))

            await store.write(put)
        await blobs.close()
        await store.close()

    asyncio.run(fill())
    yield directory
    directory.close()


def damages(path: Path) -> list[str]:
    return [f"{f.where}: {f.what}" for f in checks.check(path) if f.severity == "damage"]


def notes(path: Path) -> list[str]:
    return [f.what for f in checks.check(path) if f.severity == "note"]


def large(data: DataDir) -> Path:
    return next(path for path in data.blobs.rglob("*") if path.is_file())


def execute(statement: str, *bindings: bytes) -> Callable[[DataDir], None]:
    def plant(data: DataDir) -> None:
        connection = apsw.Connection(str(data.database))
        connection.execute(statement, bindings)
        assert connection.changes() == 1
        connection.close()

    return plant


def flip(data: DataDir) -> None:
    content = bytearray(large(data).read_bytes())
    content[1_234_567] ^= 4
    large(data).write_bytes(content)


def under(*parts: str | int) -> bytes:
    return pack((*HOME, "test.photo", *parts))


def extra(data: DataDir) -> None:
    key = pack(("blobs", "n", large(data).name))
    execute("UPDATE kv SET value = ? WHERE key = ?", bytes(7) + b"\x05", key)(data)


PLANTED: dict[str, tuple[Callable[[DataDir], None], str]] = {
    "bit": (flip, "is damaged in chunk 1"),
    "short file": (lambda data: large(data).write_bytes(b"short"), "5 bytes on disk"),
    "no file": (lambda data: large(data).unlink(), "has no file"),
    "no entry": (
        execute("DELETE FROM kv WHERE key = ?", under("i", "year", 2026, "small")),
        "lacks",
    ),
    "no record": (
        execute("DELETE FROM kv WHERE key = ?", under("r", "small")),
        "without its record",
    ),
    "stray entry": (
        execute("INSERT INTO kv VALUES (?, ?)", under("i", "year", 1999, "small"), b""),
        "without its record",
    ),
    "garbled record": (
        execute("UPDATE kv SET value = ? WHERE key = ?", b"\x01\xc1", under("r", "small")),
        "does not decode",
    ),
    "foreign key": (
        execute("UPDATE kv SET key = ? WHERE key = ?", under("r", "x"), under("r", "small")),
        "foreign key",
    ),
    "count": (extra, "counts 6 references, but 2"),
    "no such key": (execute("INSERT INTO kv VALUES (?, ?)", b"\x7f", b""), "not a packed key"),
}


def test_only_its_owner_can_read_it(data: DataDir) -> None:
    everything = [data.path, *data.path.rglob("*")]
    assert data.database in everything
    assert [path for path in everything if path.stat().st_mode & 0o077] == []


def test_a_sound_directory_has_no_damage(data: DataDir) -> None:
    assert damages(data.path) == []
    assert notes(data.path) == []


@pytest.mark.parametrize("name", PLANTED)
def test_check_finds_planted_damage(data: DataDir, name: str) -> None:
    plant, words = PLANTED[name]
    plant(data)
    assert any(words in damage for damage in damages(data.path)), damages(data.path)


def test_a_broken_database_is_found(data: DataDir) -> None:
    content = bytearray(data.database.read_bytes())
    third = 2 * 4096  # the second page only maps where others are named
    content[third + 8 : third + 100] = b"\xaa" * 92
    data.database.write_bytes(content)
    assert damages(data.path) != []


def test_an_orphan_is_a_note(data: DataDir) -> None:
    (large(data).parent / ("0" * 32)).write_bytes(b"orphan")
    (data.blobs / "00" / "00").mkdir(parents=True)
    (data.blobs / "00" / "00" / ("0" * 32)).write_bytes(b"orphan")
    assert damages(data.path) == []
    assert any("belongs to no blob" in note for note in notes(data.path))


def test_a_backup_comes_back(data: DataDir, tmp_path: Path, photos: Collection[Photo]) -> None:
    told: list[str] = []
    copied = backup(data.path, tmp_path / "copy", progress=lambda what, _: told.append(what))
    assert copied.blobs == 1
    assert {"database", "blobs"} <= set(told)
    restore(tmp_path / "copy", tmp_path / "new")
    flip(data)  # The restored file is nobody's link.
    directory = DataDir.open(tmp_path / "new")

    async def look() -> None:
        store = open_store(directory)
        blobs = Blobs(directory.blobs, store)
        found = await store.read(lambda at: list(photos.scan(at, HOME)))
        assert [photo.name for photo in found] == ["copy", "large", "small"]
        assert await blobs.read_all([found[0].blob], size_max=9**9) == b"large" * 300_000
        await blobs.close()
        await store.close()

    asyncio.run(look())
    directory.close()


def test_a_backup_of_a_busy_store_is_one_moment(
    data: DataDir, tmp_path: Path, photos: Collection[Photo]
) -> None:
    """Pairs are written together, and large blobs come and go, while the copy is made."""

    async def main() -> None:
        store = open_store(data)
        blobs = Blobs(data.blobs, store, grace_s=0)
        copying = asyncio.get_running_loop().run_in_executor(
            None, lambda: backup(data.path, tmp_path / "copy")
        )
        number = 0
        old: BlobRef | None = None
        while not copying.done() or number < 20:
            new = await blobs.write(b"%08d" % number * 10_000, size_max=10**6)

            def turn(tx: Transaction, number: int = number, new=new, old=old) -> None:
                tx.put(pack(("pair", 1)), b"%d" % number)
                tx.put(pack(("pair", 2)), b"%d" % number)
                photos.put(tx, HOME, Photo("changing", number, new.commit(tx)))
                if old is not None:
                    blobs.release(tx, old)

            await store.write(turn)
            old = new.ref
            number += 1
        await copying
        await blobs.close()
        await store.close()

    asyncio.run(main())
    assert damages(tmp_path / "copy") == []
    connection = apsw.Connection(str(tmp_path / "copy" / "pilvi.db"))
    keys = (pack(("pair", 1)), pack(("pair", 2)))
    pair = connection.execute("SELECT value FROM kv WHERE key IN (?, ?)", keys).fetchall()
    connection.close()
    assert len(pair) in (0, 2)
    assert len(set(pair)) <= 1


def test_a_copy_of_damage_is_refused(data: DataDir, tmp_path: Path) -> None:
    flip(data)
    with pytest.raises(PilviError, match="damage"):
        backup(data.path, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    flip(data)
    backup(data.path, tmp_path / "copy")


def test_copies_go_to_empty_places_only(data: DataDir, tmp_path: Path) -> None:
    backup(data.path, tmp_path / "copy")
    for act in (backup, restore):
        with pytest.raises(PilviError, match="not empty"):
            act(tmp_path / "copy", data.path)
        with pytest.raises(PilviError, match="not a data directory"):
            act(tmp_path, tmp_path / "other")


HOLD = """
import sys, time
from pathlib import Path
from pilvi.store.datadir import DataDir
path, token = Path(sys.argv[1]), sys.argv[2:]
directory = DataDir.join(path, *token) if token else DataDir.open(path)
print(directory.token, flush=True)
time.sleep(60)
"""


def hold(*words: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-c", HOLD, *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_one_server_at_a_time(tmp_path: Path) -> None:
    """A second server is refused while the first or a worker of it lives; kill -9 frees the directory."""
    path = tmp_path / "data"
    server, token = hold(str(path))
    with pytest.raises(PilviError, match=f"in use by pid {server.pid}"):
        DataDir.open(path)
    worker, echoed = hold(str(path), token)
    assert echoed == token
    with pytest.raises(PilviError, match="has ended"):
        DataDir.join(path, "another server's token")
    server.kill()
    server.wait()
    with pytest.raises(PilviError, match="workers"):
        DataDir.open(path)
    with pytest.raises(PilviError, match="has ended"):
        DataDir.join(path, token)
    worker.kill()
    worker.wait()
    DataDir.open(path).close()


def test_a_directory_of_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(PilviError, match="not a data directory"):
        DataDir.open(tmp_path)
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "format").write_text("99\n")
    with pytest.raises(PilviError, match="Upgrade pilvi"):
        DataDir.open(newer)
