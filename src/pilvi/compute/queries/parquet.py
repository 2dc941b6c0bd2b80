"""Parquet in: DuckDB reads the columns that a query names, our evaluator does the rest.

DuckDB gets nothing but the one object, through a file of ours: no other files, no network, no extensions, no disk; a
configuration that is locked; one thread. No text of the query reaches it, only names of columns that the file has.
AWS: S3 User Guide, "Supported Parquet types", "Requirements and limits" of S3 Select.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

import duckdb
import fsspec  # pyright: ignore[reportMissingTypeStubs]

from pilvi.languages.select_sql.bindings import Documents
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.running import paths
from pilvi.languages.select_sql.syntax import AllOf, Query
from pilvi.languages.select_sql.timestamps import Timestamp
from pilvi.languages.select_sql.values import Value

Read = Callable[[int, int], bytes]
"""Bytes start..end-1 of the object."""

_NAME = "object://it"
_CODECS = frozenset({"UNCOMPRESSED", "SNAPPY", "GZIP"})
_ROW_GROUP_BYTES_MAX = 512 * 1024**2
_TOGETHER_BYTES = 64 * 1024**2
_ROWS = 1024
_READ_BYTES_MAX = 8 * 1024**2


class _File(io.RawIOBase):
    """The object as a file. What it reads is asked of the server."""

    def __init__(self, size: int, read: Read) -> None:
        self._size = size
        self._read = read
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        at = self._at
        end = self._size if size < 0 else min(at + size, self._size)
        parts: list[bytes] = []
        while at < end:
            until = min(at + _READ_BYTES_MAX, end)
            parts.append(self._read(at, until))
            at = until
        self._at = at
        return b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Files(fsspec.AbstractFileSystem):  # pyright: ignore[reportUntypedBaseClass]
    """A file system of one file."""

    protocol = "object"
    cachable = False

    def __init__(self, size: int, read: Read) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType] fsspec has no types
        self._size = size
        self._read = read

    def _known(self, path: str) -> dict[str, Any]:
        if path.removeprefix("object://").strip("/") != "it":
            raise FileNotFoundError(path)
        return {"name": path, "size": self._size, "type": "file"}

    def exists(self, path: str, **_options: Any) -> bool:
        self._known(path)
        return True

    def isfile(self, path: str) -> bool:
        return self.exists(path)

    def info(self, path: str, **_options: Any) -> dict[str, Any]:
        return self._known(path)

    def glob(  # pyright: ignore[reportIncompatibleMethodOverride] as DuckDB calls it
        self, path: str, **_options: Any
    ) -> list[str]:
        self._known(path)
        return [path]

    def modified(self, path: str) -> datetime:
        self._known(path)
        return datetime(1970, 1, 1)  # noqa: DTZ001 nobody asks for it to be true

    def open(  # pyright: ignore[reportIncompatibleMethodOverride] as DuckDB calls it
        self, path: str, mode: str = "rb", **_options: Any
    ) -> _File:
        self._known(path)
        if mode != "rb":
            raise PermissionError(path)
        return _File(self._size, self._read)


def _connect(size: int, read: Read, memory_bytes: int) -> duckdb.DuckDBPyConnection:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "async_threads": 0,  # others would move a file's position under each other
        "enable_external_file_cache": False,
        "memory_limit": f"{memory_bytes // 1024**2}MiB",
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
        "preserve_insertion_order": True,
    }
    connection = duckdb.connect(":memory:", config=settings)
    connection.register_filesystem(_Files(size, read))  # pyright: ignore[reportArgumentType] its stub knows no subclass
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"SET allowed_paths = ['{_NAME}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


class Table:
    """A Parquet object. Raises: SelectProblem, made and used."""

    def __init__(self, size: int, read: Read, memory_bytes: int) -> None:
        try:
            self._connection = _connect(size, read, memory_bytes)
            self._groups = _groups(self._connection)
            described = self._connection.execute(
                f"DESCRIBE SELECT * FROM read_parquet('{_NAME}')"
            ).fetchall()
        except duckdb.Error:
            raise SelectProblem("ParquetParsingError") from None
        self._types: dict[str, str] = {row[0]: row[1] for row in described}
        self.columns: Sequence[str] = list(self._types)

    def rows(
        self, query: Query, binding: Documents, scan: tuple[int, int] | None
    ) -> Iterator[dict[str, Value]]:
        """The columns that the query names, of row groups that begin within the scan range."""
        wanted = self._wanted(query, binding)
        kinds = [self._types[name] for name in wanted]
        selected = ", ".join(map(_selected, wanted, kinds)) or "1"
        converts = [_converter(kind) for kind in kinds]
        for first, last in self._ranges(scan):
            sql = (
                f"SELECT {selected} FROM read_parquet('{_NAME}', file_row_number = true)"
                f" WHERE file_row_number >= {first} AND file_row_number < {last}"
            )
            try:
                found = self._connection.execute(sql)
                while rows := found.fetchmany(_ROWS):
                    for row in rows:
                        yield {
                            name: None if value is None else convert(value)
                            for name, convert, value in zip(wanted, converts, row, strict=False)
                        }
            except duckdb.Error:
                raise SelectProblem("ParquetParsingError") from None

    def _wanted(self, query: Query, binding: Documents) -> list[str]:
        if not query.projections or any(isinstance(one, AllOf) for one in query.projections):
            return list(self.columns)
        found: dict[str, None] = {}
        for path in paths(query):
            column = binding.root_columns(path)
            if column is None:
                return list(self.columns)
            found[column] = None
        return list(found)

    def _ranges(self, scan: tuple[int, int] | None) -> Iterator[tuple[int, int]]:
        """Rows that are read at once: of one row group, or of several small ones, so that no more is held."""
        first = low = high = held = 0
        for group in self._groups:
            wanted = scan is None or scan[0] <= group.begins <= scan[1]
            if low < high and (not wanted or held + group.size > _TOGETHER_BYTES):
                yield low, high
                low = high = held = 0
            if wanted:
                low = low if low < high else first
                high, held = first + group.rows, held + group.size
            first += group.rows
        if low < high:
            yield low, high


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group. `begins`: its first byte; `size`: bytes, uncompressed."""

    begins: int
    rows: int
    size: int


def _groups(connection: duckdb.DuckDBPyConnection) -> list[_Group]:
    """Raises: SelectProblem for what AWS does not read."""
    found = connection.execute(
        "SELECT row_group_id, any_value(row_group_num_rows), sum(total_uncompressed_size),"
        " min(least(coalesce(dictionary_page_offset, data_page_offset), data_page_offset)),"
        f" list(DISTINCT compression), list(DISTINCT type) FROM parquet_metadata('{_NAME}')"
        " GROUP BY row_group_id ORDER BY row_group_id"
    ).fetchall()
    groups: list[_Group] = []
    for _number, rows, size, begins, codecs, types in found:
        if not set(codecs) <= _CODECS:
            raise SelectProblem("ParquetUnsupportedCompressionCodec")
        if "INT96" in types:
            raise SelectProblem("UnsupportedParquetType")
        if size > _ROW_GROUP_BYTES_MAX:
            raise SelectProblem("OverMaxParquetBlockSize")
        groups.append(_Group(begins, rows, int(size)))
    return groups


def _selected(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP_NS":
        return f"epoch_ns({quoted})"
    return f"epoch_us({quoted})" if kind.startswith("TIMESTAMP") else quoted


_PLAIN = (
    *(
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
    ),
    *("HUGEINT", "FLOAT", "DOUBLE", "VARCHAR", "ENUM", "DECIMAL"),
)


def _converter(kind: str) -> Callable[[Any], Value]:
    if kind.startswith("TIMESTAMP"):
        digits = 9 if kind == "TIMESTAMP_NS" else 6
        return lambda value: _instant(value, digits)
    if kind.startswith(_PLAIN) and not kind.endswith("]"):
        return lambda value: value
    if kind == "DATE":
        return Timestamp.of
    return _converted


def _instant(count: int, digits: int) -> Value:
    """Of so many parts of a second since 1970."""
    seconds, rest = divmod(count, 10**digits)
    try:
        whole = Timestamp.at_ms(seconds * 1000)
    except OverflowError:
        raise SelectProblem("UnsupportedParquetType") from None
    return Timestamp(whole.at, whole.precision, f"{rest:0{digits}}".rstrip("0"), 0)


def _converted(value: Any) -> Value:
    if value is None or isinstance(value, bool | int | float | Decimal | str):
        return value
    if isinstance(value, date):
        return Timestamp.of(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise SelectProblem("UnsupportedParquetType") from None
    if isinstance(value, list):
        return [_converted(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {str(name): _converted(one) for name, one in cast("dict[Any, Any]", value).items()}
    raise SelectProblem("UnsupportedParquetType")
