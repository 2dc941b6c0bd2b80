"""Buckets with versions against a model of a few lines: whatever is done in whichever order, both tell the same.

The model keeps, for each key, its versions from the oldest to the newest. Killing the server is one of the steps.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from pilvi.store.check import check
from servers import Server

KEYS = st.sampled_from(["a", "a/b", "b"])
BODIES = st.sampled_from([b"", b"x", b"yy", b"z" * 70_000])  # the last is a file of its own
_names = itertools.count()


@dataclass
class Version:
    """`body`: None for a delete marker."""

    id: str
    body: bytes | None


class Versions(RuleBasedStateMachine):
    server: ClassVar[Server]
    kills: ClassVar[int] = 0
    ids = Bundle("ids")
    uploads = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self.s3: Any = self.server.client("s3", "000000000001")
        self.bucket = f"machine-{next(_names)}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.status = ""
        self.model: dict[str, list[Version]] = {}
        self.open: dict[str, tuple[str, dict[int, tuple[bytes, str]]]] = {}
        """Uploads that are open: id -> (key, number -> (body, entity tag))."""

    def _at(self, key: str, version_id: str | None = None) -> dict[str, str]:
        found = {"Bucket": self.bucket, "Key": key}
        return found if version_id is None else {**found, "VersionId": version_id}

    def _current(self, key: str) -> bytes | None:
        versions = self.model.get(key)
        return versions[-1].body if versions else None

    def _note(self, key: str, told: str | None, body: bytes | None) -> Any:
        """What was written becomes the newest; in the place of the null version where that is written."""
        version_id = "null" if told is None else told
        assert (version_id != "null") == (self.status == "Enabled")
        versions = self.model.setdefault(key, [])
        if version_id == "null":
            versions[:] = [one for one in versions if one.id != "null"]
        versions.append(Version(version_id, body))
        return multiple((key, version_id))

    # --- steps

    @initialize(status=st.sampled_from(["", "Enabled", "Enabled", "Suspended"]))
    def begin(self, status: str) -> None:
        if status:
            self.switch(status)

    @rule(status=st.sampled_from(["Enabled", "Suspended"]))
    def switch(self, status: str) -> None:
        configuration = {"Status": status}
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration=configuration)
        self.status = status

    @rule(target=ids, key=KEYS, body=BODIES)
    def put(self, key: str, body: bytes) -> Any:
        made = self.s3.put_object(**self._at(key), Body=body)
        return self._note(key, made.get("VersionId"), body)

    @rule(key=KEYS)
    def put_if_nothing(self, key: str) -> None:
        there = self._current(key) is not None
        try:
            made = self.s3.put_object(**self._at(key), Body=b"first", IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed" or not there:
                raise
        else:
            assert not there
            self._note(key, made.get("VersionId"), b"first")

    @rule(target=ids, key=KEYS, body=BODIES)
    def upload(self, key: str, body: bytes) -> Any:
        to: dict[str, Any] = self._at(key)
        to["UploadId"] = self.s3.create_multipart_upload(**to)["UploadId"]
        etag = self.s3.upload_part(**to, PartNumber=1, Body=body)["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        made = self.s3.complete_multipart_upload(**to, MultipartUpload=parts)
        return self._note(key, made.get("VersionId"), body)

    # Uploads that stay open over other steps, a crash among them. Parts but the last have 5 MiB; so objects of
    # several parts are made elsewhere.

    @rule(target=uploads, key=KEYS)
    def begin_upload(self, key: str) -> str:
        upload_id = self.s3.create_multipart_upload(**self._at(key))["UploadId"]
        self.open[upload_id] = (key, {})
        return upload_id

    def _part(self, upload_id: str, number: int) -> dict[str, Any]:
        key = self.open[upload_id][0] if upload_id in self.open else "a"
        return {**self._at(key), "UploadId": upload_id, "PartNumber": number}

    @rule(upload_id=uploads, number=st.integers(1, 3), body=BODIES)
    def upload_part(self, upload_id: str, number: int, body: bytes) -> None:
        """A part that is sent again replaces the one before."""
        try:
            etag = self.s3.upload_part(**self._part(upload_id, number), Body=body)["ETag"]
        except self.s3.exceptions.NoSuchUpload:
            assert upload_id not in self.open
            return
        self.open[upload_id][1][number] = (body, etag)

    @rule(upload_id=uploads, number=st.integers(1, 3), source=ids)
    def copy_part(self, upload_id: str, number: int, source: tuple[str, str]) -> None:
        body = next((v.body for v in self.model.get(source[0], []) if v.id == source[1]), None)
        if body is None or upload_id not in self.open:
            return
        copied = self.s3.upload_part_copy(
            **self._part(upload_id, number), CopySource=self._at(*source)
        )
        self.open[upload_id][1][number] = (body, copied["CopyPartResult"]["ETag"])

    @rule(target=ids, upload_id=uploads, data=st.data())
    def complete_upload(self, upload_id: str, data: st.DataObject) -> Any:
        """Of one of its parts; the others go."""
        key, parts = self.open.get(upload_id, ("a", {}))
        if upload_id in self.open and not parts:
            return multiple()
        number = data.draw(st.sampled_from(sorted(parts))) if parts else 1
        body, etag = parts.get(number, (b"", '"0"'))
        chosen = {"Parts": [{"PartNumber": number, "ETag": etag}]}
        to = {**self._at(key), "UploadId": upload_id, "MultipartUpload": chosen}
        try:
            made = self.s3.complete_multipart_upload(**to)
        except self.s3.exceptions.NoSuchUpload:
            assert upload_id not in self.open
            return multiple()
        del self.open[upload_id]
        return self._note(key, made.get("VersionId"), body)

    @rule(upload_id=uploads)
    def abort_upload(self, upload_id: str) -> None:
        key = self.open[upload_id][0] if upload_id in self.open else "a"
        try:
            self.s3.abort_multipart_upload(**self._at(key), UploadId=upload_id)
        except self.s3.exceptions.NoSuchUpload:
            assert upload_id not in self.open
        self.open.pop(upload_id, None)

    @rule(upload_id=uploads, size=st.integers(1, 3))
    def list_parts(self, upload_id: str, size: int) -> None:
        if upload_id not in self.open:
            return
        key, parts = self.open[upload_id]
        asked = {**self._at(key), "UploadId": upload_id, "MaxParts": size}
        pages = self.s3.get_paginator("list_parts").paginate(**asked)
        found = [
            (one["PartNumber"], one["Size"], one["ETag"])
            for page in pages
            for one in page.get("Parts", [])
        ]
        assert found == [(n, len(parts[n][0]), parts[n][1]) for n in sorted(parts)]

    @rule(size=st.integers(1, 4))
    def list_uploads(self, size: int) -> None:
        pages = self.s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.bucket, MaxUploads=size
        )
        found = [(one["Key"], one["UploadId"]) for page in pages for one in page.get("Uploads", [])]
        assert sorted(found) == sorted((key, id) for id, (key, _) in self.open.items())

    @rule(size=st.integers(1, 3))
    def list_folders(self, size: int) -> None:
        """With a delimiter, of objects and of versions."""
        asked = {"Bucket": self.bucket, "Delimiter": "/", "MaxKeys": size}
        for operation, keys in (
            ("list_objects_v2", {key for key in self.model if self._current(key) is not None}),
            ("list_object_versions", {key for key, versions in self.model.items() if versions}),
        ):
            pages = self.s3.get_paginator(operation).paginate(**asked)
            found = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]
            assert found == (["a/"] if "a/b" in keys else [])

    @rule(target=ids, source=ids, key=KEYS)
    def copy(self, source: tuple[str, str], key: str) -> Any:
        body = next((v.body for v in self.model.get(source[0], []) if v.id == source[1]), None)
        try:
            made = self.s3.copy_object(**self._at(key), CopySource=self._at(*source))
        except ClientError as error:
            if (
                error.response["Error"]["Code"] not in ("NoSuchVersion", "InvalidRequest")
                or body is not None
            ):
                raise
            return multiple()
        assert body is not None
        told = made.get("VersionId")
        return self._note(key, told, body)

    @rule(target=ids, key=KEYS)
    def delete(self, key: str) -> Any:
        made = self.s3.delete_object(**self._at(key))
        if not self.status:
            self.model.pop(key, None)
            assert "DeleteMarker" not in made
            return multiple()
        assert made["DeleteMarker"] is True
        return self._note(key, made["VersionId"], None)

    @rule(version=ids)
    def delete_version(self, version: tuple[str, str]) -> None:
        key, version_id = version
        gone = [one for one in self.model.get(key, []) if one.id == version_id]
        answer = self.s3.delete_object(**self._at(key, version_id))
        assert answer.get("DeleteMarker", False) == any(one.body is None for one in gone)
        if gone:
            self.model[key].remove(gone[0])

    @rule(key=KEYS)
    def delete_newest_version(self, key: str) -> None:
        """What was before it comes back."""
        if self.model.get(key):
            self.delete_version((key, self.model[key][-1].id))

    @rule()
    def kill(self) -> None:
        """Some of the times that it comes. (A precondition must not hang on what outlives an example.)"""
        if Versions.kills < 3:
            Versions.kills += 1
            self.server.kill()
            self.server.start()

    # --- what must hold

    @rule(version=ids)
    def read(self, version: tuple[str, str]) -> None:
        key, version_id = version
        found = [one for one in self.model.get(key, []) if one.id == version_id]
        try:
            body = self.s3.get_object(**self._at(key, version_id))["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] != (
                "MethodNotAllowed" if found else "NoSuchVersion"
            ):
                raise
            body = None
        assert body == (found[0].body if found else None)

    @invariant()
    def what_is_current_is_told(self) -> None:
        page = self.s3.list_objects_v2(Bucket=self.bucket)
        expected = {key: self._current(key) for key in sorted(self.model)}
        assert [(one["Key"], one["Size"]) for one in page.get("Contents", [])] == [
            (key, len(body)) for key, body in expected.items() if body is not None
        ]

    @rule(size=st.integers(1, 4))
    def list_versions(self, size: int) -> None:
        expected = [
            (key, one.id, one is self.model[key][-1], one.body is None)
            for key in sorted(self.model)
            for one in reversed(self.model[key])
        ]
        found: list[tuple[str, str, bool, bool]] = []
        for page in self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, MaxKeys=size
        ):
            rows = [
                (one["Key"], one["VersionId"], one["IsLatest"], kind == "DeleteMarkers")
                for kind in ("Versions", "DeleteMarkers")
                for one in page.get(kind, [])
            ]
            assert len(rows) <= size
            found += rows
        assert sorted(found) == sorted(expected)

    def teardown(self) -> None:
        for upload_id, (key, _) in self.open.items():
            self.s3.abort_multipart_upload(**self._at(key), UploadId=upload_id)
        for key, versions in self.model.items():
            for one in versions:
                self.s3.delete_object(**self._at(key, one.id))
        self.s3.delete_bucket(Bucket=self.bucket)


@pytest.fixture(scope="module")
def server_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data: Path = tmp_path_factory.mktemp("machine") / "data"
    server = Server(data).start()
    yield server
    if server.process is not None and server.process.poll() is None:
        server.stop()


def test_versions_are_as_the_model_says(server_of_its_own: Server) -> None:
    """Nothing is left of what was deleted, and every blob has its references."""
    Versions.server = server_of_its_own
    run_state_machine_as_test(
        Versions,
        settings=settings(
            max_examples=8,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.generate],  # making a failure smaller takes minutes here
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert server_of_its_own.stop() == 0
    assert [one for one in check(server_of_its_own.data) if one.severity == "damage"] == []
    left = [one for one in (server_of_its_own.data / "blobs").rglob("*") if one.is_file()]
    assert left == []
