"""Parquet, made by DuckDB from lines of JSON in a file: neither rows nor columns are in memory together.

Differs: AWS has `bucket` and `key` as required in the file itself, too; here the manifest alone says so.
"""

from __future__ import annotations

from pathlib import Path

from pilvi.services.s3.rules.inventories import Column

_MEMORY = "96MB"
_GROUP_ROWS = 20_000


def write(lines: Path, target: Path, columns: tuple[Column, ...]) -> None:
    """`lines`: an array for each row. In a thread: this takes its time."""
    import duckdb  # it costs tens of megabytes, and who has no inventories as Parquet needs none of it

    chosen = ", ".join(
        f"{_read(place, column)} AS {column.parquet}" for place, column in enumerate(columns)
    )
    with duckdb.connect(":memory:") as engine:
        engine.execute(f"SET memory_limit = '{_MEMORY}'")
        engine.execute("SET threads = 1")
        engine.execute("SET preserve_insertion_order = true")
        engine.execute(f"SET temp_directory = '{_quoted(target.parent)}'")
        engine.execute(
            f"COPY (SELECT {chosen} FROM read_csv('{_quoted(lines)}', columns = {{'line': 'VARCHAR'}},"
            " delim = '\\0', quote = '', escape = '', header = false, auto_detect = false,"
            f" max_line_size = 1048576)) TO '{_quoted(target)}'"
            f" (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {_GROUP_ROWS})"
        )


def _read(place: int, column: Column) -> str:
    text = f"json_extract_string(line, '$[{place}]')"
    if column.sql == "TIMESTAMP_MS":
        return f"CAST(make_timestamp(CAST({text} AS BIGINT) * 1000) AS TIMESTAMP_MS)"
    return text if column.sql == "VARCHAR" else f"CAST({text} AS {column.sql})"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
