"""What goes into a package, and the zip file of it: the same content gives the same bytes, whoever makes it."""

from __future__ import annotations

import fnmatch
import io
import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pilvi.base.errors import PilviError
from pilvi.cli.lambda_.mistakes import Files

ZIPPED_BYTES_MAX = 50 * 1024 * 1024
"""AWS's limit of a package that comes in a request; a larger one comes from S3."""
UNZIPPED_BYTES_MAX = 250 * 1024 * 1024
_FILES_MAX = 100_000
_MOMENT = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_PIECE_BYTES = 1024 * 1024

_NEVER = frozenset({"__pycache__", ".git", ".hg", ".svn", ".DS_Store", "Thumbs.db"})
_NOT_NEEDED = frozenset(
    {
        ".venv", ".env", ".idea", ".vscode", ".gitignore", ".gitattributes", ".github", ".pilvi", ".pytest_cache",
        ".mypy_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox", ".coverage", ".aws-sam", ".terraform",
    }
)  # fmt: skip
_TESTS = frozenset({"tests", "test"})
"""At the top only: packages that were installed may need theirs."""


def list_files(
    directory: Path, *, everything: bool = False, exclude: tuple[str, ...] = ()
) -> dict[str, Path]:
    """The files of a package, by their names in it. Raises: PilviError.

    Links are followed. `everything`: also tests and what editors and tools keep; compiled Python and the history of
    versions never. `exclude`: patterns of names, as of a shell.
    """
    found: dict[str, Path] = {}
    _collect(directory, "", frozenset(), found, everything, exclude)
    return dict(sorted(found.items()))


def _collect(
    directory: Path,
    prefix: str,
    above: frozenset[str],
    found: dict[str, Path],
    everything: bool,
    exclude: tuple[str, ...],
) -> None:
    real = os.path.realpath(directory)
    if real in above:
        return  # a link to where it is itself
    try:
        entries = list(os.scandir(directory))
    except OSError as problem:
        raise PilviError(f"{directory} cannot be read: {problem.strerror}.") from None
    for entry in entries:
        name = prefix + entry.name
        if not is_wanted(name, everything=everything, exclude=exclude):
            continue
        if entry.is_dir():
            if everything or not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
                _collect(Path(entry.path), f"{name}/", above | {real}, found, everything, exclude)
        elif entry.is_file():
            found[name] = Path(entry.path)
            if len(found) > _FILES_MAX:
                raise PilviError(
                    f"{directory} holds more than {_FILES_MAX:,} files.",
                    "Is it the folder of the function? --exclude leaves some out.",
                )


def is_wanted(name: str, *, everything: bool = False, exclude: tuple[str, ...] = ()) -> bool:
    """Whether a file of the folder belongs into the package; of its name only the last part is new."""
    own = name.rpartition("/")[2]
    if own in _NEVER or own.endswith((".pyc", ".pyo")):
        return False
    if any(fnmatch.fnmatchcase(name, one) or fnmatch.fnmatchcase(own, one) for one in exclude):
        return False
    return everything or not (own in _NOT_NEEDED or (own in _TESTS and "/" not in name))


def readers(files: Mapping[str, Path]) -> Files:
    """For those who look at the content."""

    def reader(path: Path) -> Callable[[int], bytes]:
        def read(size: int) -> bytes:
            with path.open("rb") as file:
                return file.read(size)

        return read

    return {name: reader(path) for name, path in files.items()}


def size_of(files: Mapping[str, Path]) -> int:
    """Unpacked, in bytes. Raises: PilviError when AWS would not take so much, and what is so large."""
    sizes = {name: path.stat().st_size for name, path in files.items()}
    total = sum(sizes.values())
    if total > UNZIPPED_BYTES_MAX:
        parts: Counter[str] = Counter()
        for name, size in sizes.items():
            parts[name.partition("/")[0]] += size
        largest = ", ".join(f"{name} {shown(size)}" for name, size in parts.most_common(5))
        raise PilviError(
            f"unpacked, it would be {shown(total)}; Lambda takes {shown(UNZIPPED_BYTES_MAX)}.",
            f"The largest: {largest}. --exclude leaves files out; layers count as well.",
        )
    return total


def pack(
    files: Mapping[str, Path], *, quick: bool = False, tell: Callable[[int], None] | None = None
) -> bytes:
    """The zip file. `quick`: hardly compressed, for one that does not travel. `tell`: gets the files done so far.

    Raises: PilviError.
    """
    buffer = io.BytesIO()
    level = 1 if quick else 6
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for number, (name, path) in enumerate(sorted(files.items()), 1):
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.create_system = _UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            try:
                # Only what matters of the mode: the rest is a habit of whoever saved it.
                executable = path.stat().st_mode & 0o100
                entry.external_attr = (0o100755 if executable else 0o100644) << 16
                with path.open("rb") as source, archive.open(entry, "w") as target:
                    for piece in _pieces(source):
                        target.write(piece)
            except OSError as problem:
                raise PilviError(f"{path} cannot be read: {problem.strerror}.") from None
            if tell is not None:
                tell(number)
    return buffer.getvalue()


def _pieces(source: io.BufferedReader) -> Iterator[bytes]:
    while piece := source.read(_PIECE_BYTES):
        yield piece


def shown(size: int) -> str:
    """1.5 MB"""
    if size < 1024:
        return f"{size} bytes"
    if size < 1024 * 1024:
        return f"{size / 1024:.1f} KB"
    return f"{size / 1024 / 1024:.1f} MB"
