"""Parquet, read in ranges: pyarrow's S3 file system (the AWS SDK for C++), and DuckDB over it."""

from __future__ import annotations

from urllib.parse import urlsplit

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from persons import Person

ROWS = 40_000


@pytest.fixture
def files(endpoint: str, ann: Person) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        access_key=ann.keys["aws_access_key_id"],
        secret_key=ann.keys["aws_secret_access_key"],
        region="us-east-1",
        scheme="http",
        endpoint_override=urlsplit(endpoint).netloc,
    )


@pytest.fixture
def table() -> pa.Table:
    numbers = range(ROWS)
    return pa.table(
        {
            "number": list(numbers),
            "word": [f"w{n}" for n in numbers],
            "half": [n / 2 for n in numbers],
        }
    )


def test_one_column_of_a_file_is_read(files: fs.S3FileSystem, bucket: str, table: pa.Table) -> None:
    path = f"{bucket}/deep/er/one.parquet"
    pq.write_table(table, path, filesystem=files, row_group_size=5000)
    assert pq.read_table(path, filesystem=files, columns=["half"]).equals(table.select(["half"]))
    found = pq.ParquetFile(files.open_input_file(path)).read_row_group(3, columns=["number"])
    assert found["number"].to_pylist() == list(range(15_000, 20_000))


def test_a_partitioned_set_is_written_and_queried(
    files: fs.S3FileSystem, bucket: str, table: pa.Table
) -> None:
    parity = pa.array([n % 2 for n in range(ROWS)])
    parted = table.append_column("parity", parity)
    ds.write_dataset(
        parted,
        f"{bucket}/set",
        filesystem=files,
        format="parquet",
        partitioning=["parity"],
        partitioning_flavor="hive",
    )
    found = ds.dataset(f"{bucket}/set", filesystem=files, partitioning="hive")
    assert len(found.files) == 2
    odd = duckdb.sql("select count(*), max(number), sum(half) from found where parity = 1")
    assert odd.fetchall() == [(ROWS // 2, ROWS - 1, ROWS * ROWS / 8)]


def test_folders_are_made_moved_and_deleted(files: fs.S3FileSystem, bucket: str) -> None:
    files.create_dir(f"{bucket}/folder/within", recursive=True)
    with files.open_output_stream(f"{bucket}/folder/within/a b", metadata={"note": "x"}) as stream:
        for _ in range(3):
            stream.write(b"z" * 4_000_000)
    assert files.get_file_info(f"{bucket}/folder/within/a b").size == 12_000_000
    files.move(f"{bucket}/folder/within/a b", f"{bucket}/folder/c")
    listed = files.get_file_info(fs.FileSelector(f"{bucket}/folder", recursive=True))
    kinds = {one.base_name: one.type for one in listed}
    assert kinds == {"within": fs.FileType.Directory, "c": fs.FileType.File}
    files.delete_dir(f"{bucket}/folder")
    assert files.get_file_info(f"{bucket}/folder").type == fs.FileType.NotFound
