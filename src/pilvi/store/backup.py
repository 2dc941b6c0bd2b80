"""Copies of a data directory: `backup` also while servers use it, `restore` into a new one.

A copy is one moment of the store and every blob which that moment names. It is made beside the target
under the name `<target>.partial`, verified, made durable, and then renamed: so a target is whole or is not
there, and an interrupted copy is begun anew. A backup has the layout of a data directory.
"""

# pyright: reportUnknownMemberType=false
# apsw's stubs name `collections.abc.Buffer`, which Python 3.11 lacks.

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import apsw

from pilvi.base.errors import PilviError
from pilvi.store import blob_rows, sqlite_file
from pilvi.store.blob_files import BlobFiles
from pilvi.store.check import Progress, check
from pilvi.store.datadir import DataDir, write_format
from pilvi.store.sqlite_file import sync_folder
from pilvi.store.sqlite_view import View

_STEP_PAGES = 1_000


@dataclass(frozen=True, slots=True)
class Copied:
    """What a backup or a restoration moved."""

    blobs: int
    database_bytes: int
    blob_bytes: int


def backup(source: Path, target: Path, *, progress: Progress | None = None) -> Copied:
    """Blocks: run it in a thread or a process of its own. Blob files are hard links where possible; they
    are never changed, so a link is a copy that shares only the fate of the disk.

    Raises: PilviError (not a data directory, target not empty, damage found); OSError.
    """
    return _copy(source, target, links=True, progress=progress)


def restore(source: Path, target: Path, *, progress: Progress | None = None) -> Copied:
    """Make a data directory of a backup, with files of its own. Raises: as `backup`."""
    return _copy(source, target, links=False, progress=progress)


def _copy(source: Path, target: Path, *, links: bool, progress: Progress | None) -> Copied:
    origin = DataDir.look(source)
    tell = progress or _say_nothing
    target = target.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PilviError(f"{target} is not empty.", "Choose a directory that does not exist yet.")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    if partial.exists():
        shutil.rmtree(partial)
    copy = DataDir(partial)
    partial.mkdir(mode=0o700)
    files, copied_files = BlobFiles(origin.blobs), BlobFiles(copy.blobs)
    blobs = blob_bytes = 0
    with files.keep_all():
        _copy_database(origin.database, copy.database, tell)
        for blob_id, size in _file_blobs(copy.database):
            _copy_file(files.path(blob_id), copied_files, blob_id, links=links)
            blobs += 1
            blob_bytes += size
            tell("blobs", blobs)
    if origin.clock.exists():
        shutil.copyfile(origin.clock, copy.clock)
    write_format(partial)
    _verify(partial, tell)
    _sync_tree(partial)
    os.rename(partial, target)
    sync_folder(target.parent)
    return Copied(blobs, sqlite_file.size(target / copy.database.name), blob_bytes)


def _say_nothing(_what: str, _done: int) -> None:
    pass


def _copy_database(source: Path, target: Path, tell: Progress) -> None:
    """One snapshot: the reading transaction stays open, so writers do not make the copy begin again."""
    with closing(sqlite_file.open_reader(source)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        with (
            closing(apsw.Connection(os.fspath(target))) as writer,
            writer.backup("main", reader, "main") as copying,
        ):
            while not copying.done:
                copying.step(_STEP_PAGES)
                tell("database", copying.page_count - copying.remaining)


def _file_blobs(database: Path) -> Iterator[tuple[str, int]]:
    with closing(sqlite_file.open_reader(database)) as reader:
        for row in blob_rows.scan(View(reader.cursor())):
            if not row.ref.inline:
                yield row.ref.id, row.ref.size


def _copy_file(source: Path, files: BlobFiles, blob_id: str, *, links: bool) -> None:
    """A missing file is left to `_verify`, which names all damage."""
    target = files.folder(blob_id) / blob_id
    try:
        if links:
            try:
                os.link(source, target)
                return
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                    raise
        shutil.copyfile(source, target)
    except FileNotFoundError:
        return


def _verify(path: Path, tell: Progress) -> None:
    damage = [finding for finding in check(path, progress=tell) if finding.severity == "damage"]
    if damage:
        first = damage[0]
        raise PilviError(
            f"The copy has {len(damage)} damages, the first: {first.where} {first.what}.",
            f"It is kept in {path}; run `pilvi check` on the original.",
        )


def _sync_tree(root: Path) -> None:
    for folder, _, names in os.walk(root):
        for name in names:
            descriptor = os.open(Path(folder) / name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(folder))
