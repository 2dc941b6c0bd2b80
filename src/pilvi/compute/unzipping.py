"""Zip packages onto disk, safely: nothing outside the directory, nothing that is no plain file, no bombs.

A package comes from anybody who may create functions, so every name and size in it is a claim to check.
`zipfile` makes an object of every entry as soon as it opens an archive, so the entries are counted before that.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path, PurePosixPath

ENTRIES_MAX = 100_000
DIRECTORY_BYTES_MAX = 32 * 1024 * 1024
"""Of the central directory, which is read whole."""
_PIECE_BYTES = 1024 * 1024
_ENCRYPTED = 0x1
_UNIX = 3
_LINK_BYTES_MAX = 4096
_NAME_BYTES_MAX = 1024
_PART_BYTES_MAX = 255
_DEPTH_MAX = 128

# APPNOTE.TXT, sections 4.3.12 to 4.3.16. Of each record only what is needed here.
_ENTRY = struct.Struct("<28x3H12x")  # name, extra field and comment: their lengths
_END = struct.Struct("<10xHL6x")  # the number of entries, the size of the directory
_END_64 = struct.Struct("<32x2Q8x")  # the same
_LOCATOR_64 = struct.Struct("<8xQ4x")  # where the zip64 end record is
_COMMENT_BYTES_MAX = 0xFFFF


class BadPackage(Exception):
    """The bytes are no zip file, or one that must not be unpacked; the text says why."""


class PackageTooLarge(Exception):
    """Unpacked, it would be larger than allowed."""


def unzip(zipped: bytes, target: Path, *, size_max: int) -> None:
    """Unpack into `target`, which does not exist yet. Blocks: call it in a thread.

    Files keep their executable bits and become readable for everyone. Symbolic links are made last, and
    only those that stay inside. What was unpacked before a failure is left to the caller to remove.
    Raises: BadPackage, PackageTooLarge, OSError (the disk).
    """
    check_directory(zipped)
    try:
        with zipfile.ZipFile(BytesIO(zipped)) as archive:
            entries = archive.infolist()
            _check(entries, size_max)
            target.mkdir(mode=0o755)
            links = [entry for entry in entries if _kind(entry) == stat.S_IFLNK]
            left = size_max
            for entry in entries:
                path = target / _inside(entry.filename)
                if entry.is_dir():
                    path.mkdir(mode=0o755, parents=True, exist_ok=True)
                elif _kind(entry) == stat.S_IFREG:
                    left -= _unpack_file(archive, entry, path, left)
            for entry in links:
                _unpack_link(archive, entry, target)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError) as error:
        raise BadPackage(str(error)) from error
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise BadPackage(f"one name is a file and a directory: {error.filename}") from error


def unzipped_bytes(zipped: bytes) -> int:
    """What the entries of a package claim to have together; of one that was unpacked, it is true. Blocks."""
    with zipfile.ZipFile(BytesIO(zipped)) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def check_directory(zipped: bytes) -> None:
    """Refuse a central directory that is too large, in bytes or entries, without keeping any of it.

    It is looked for where `zipfile` looks: it ends where the end record begins, whatever its offset claims.
    Raises: BadPackage.
    """
    end = zipped.rfind(b"PK\5\6", max(0, len(zipped) - _END.size - _COMMENT_BYTES_MAX))
    if end < 0 or len(zipped) - end < _END.size:
        raise BadPackage("it has no end record")
    claimed, size = _END.unpack_from(zipped, end)
    locator = end - _LOCATOR_64.size
    if locator >= 0 and zipped.startswith(b"PK\6\7", locator):
        end = locator - _END_64.size
        if _LOCATOR_64.unpack_from(zipped, locator) != (end,) or end < 0:
            raise BadPackage("its zip64 end record is not where it belongs")
        claimed, size = _END_64.unpack_from(zipped, end)
    if claimed > ENTRIES_MAX:
        raise BadPackage(f"it has more than {ENTRIES_MAX} entries")
    if size > min(DIRECTORY_BYTES_MAX, end):
        raise BadPackage(f"its directory of {size} bytes is too large")
    at, count = end - size, 0
    while at < end:
        if end - at < _ENTRY.size:
            raise BadPackage("its directory is cut off")
        at += _ENTRY.size + sum(_ENTRY.unpack_from(zipped, at))
        count += 1
        if count > ENTRIES_MAX:  # the number that it claims need not be the true one
            raise BadPackage(f"it has more than {ENTRIES_MAX} entries")


def _check(entries: Iterable[zipfile.ZipInfo], size_max: int) -> None:
    """Refuse by what the entries claim; the sizes are counted again as the bytes come."""
    total = 0
    for entry in entries:
        total += entry.file_size
        if entry.flag_bits & _ENCRYPTED:
            raise BadPackage(f"{entry.filename} is encrypted")
        if _kind(entry) not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
            raise BadPackage(f"{entry.filename} is no file, directory or link")
        _inside(entry.filename)
    if total > size_max:
        raise PackageTooLarge(f"{total} bytes")


def _kind(entry: zipfile.ZipInfo) -> int:
    """The file type in the Unix mode; a plain file where the archive tells none."""
    kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == _UNIX else 0
    return kind or (stat.S_IFDIR if entry.is_dir() else stat.S_IFREG)


def _inside(name: str) -> PurePosixPath:
    """Raises: BadPackage for a name that leads out of the directory, or that no file system takes."""
    path = PurePosixPath(name)
    sizes = [len(part.encode("utf-8", "surrogateescape")) for part in path.parts]
    if (
        sum(sizes) > _NAME_BYTES_MAX
        or len(sizes) > _DEPTH_MAX
        or max(sizes, default=0) > _PART_BYTES_MAX
    ):
        raise BadPackage(f"{name[:50]!r}... is too long or too deep")
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise BadPackage(f"{name!r} leads out of the package")
    return path


def _unpack_file(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, size_max: int
) -> int:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    mode = entry.external_attr >> 16 if entry.create_system == _UNIX else 0
    size = 0
    with archive.open(entry) as source:
        path.unlink(missing_ok=True)  # a name may come twice: the last one counts
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            while piece := source.read(_PIECE_BYTES):
                size += len(piece)
                if size > size_max:
                    raise PackageTooLarge(f"{entry.filename} is larger than it claims")
                file.write(piece)
            os.fchmod(file.fileno(), 0o444 | (mode & 0o111 and 0o111))
    return size


def _unpack_link(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    if entry.file_size > _LINK_BYTES_MAX:
        raise BadPackage(f"the link {entry.filename} is too long")
    name = _inside(entry.filename)
    leads_to = archive.read(entry).decode("utf-8", "surrogateescape")
    parts: list[str] = list(name.parent.parts)
    for part in PurePosixPath(leads_to).parts:
        if part == ".." and parts:
            parts.pop()
        elif part in ("..", "/"):
            raise BadPackage(f"the link {entry.filename} leads out of the package")
        else:
            parts.append(part)
    path = target / name
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if path.is_symlink():
        path.unlink()
    if not path.parent.resolve().is_relative_to(target.resolve()):
        raise BadPackage(f"{entry.filename} lies behind a link")
    path.symlink_to(leads_to)


def merge(sources: Iterable[Path], target: Path) -> None:
    """One directory of several; of two files with one name the later one wins. Blocks.

    Files are hard links, so nothing is copied. `target` does not exist yet. Raises: OSError.
    """
    target.mkdir(mode=0o755)
    for source in sources:
        for folder, folders, files in os.walk(source):
            below = target / os.path.relpath(folder, source)
            for name in folders:
                place = below / name
                if place.is_symlink() or place.is_file():
                    place.unlink()
                if not os.path.islink(os.path.join(folder, name)):
                    place.mkdir(mode=0o755, exist_ok=True)
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in (*files, *links):
                place = below / name
                if place.is_dir() and not place.is_symlink():
                    shutil.rmtree(place)
                elif place.is_symlink() or place.exists():
                    place.unlink()
                os.link(os.path.join(folder, name), place, follow_symlinks=False)
