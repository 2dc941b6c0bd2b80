"""Objects that are older than encryption, and bytes that were damaged since: in a cloud without a server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pilvi.app import QUESTIONS, SERVICES
from pilvi.base.arn import Scope
from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.contracts.causes import NO_CAUSE
from pilvi.contracts.objects import ObjectNotReadable
from pilvi.dispatch.dispatcher import Dispatcher
from pilvi.identity.principal import root_of
from pilvi.kit.cloud import Cloud
from pilvi.kit.settings import Settings
from pilvi.services.s3.questions import S3Objects
from pilvi.services.s3.records import buckets, objects
from pilvi.services.s3.records.objects import Checksum, Object, Piece
from pilvi.store.api import Transaction
from pilvi.store.blob_rows import BlobCorrupt
from pilvi.store.blobs import Blobs
from pilvi.store.memory import MemoryStore
from pilvi.store.sealing import RootKeySource, Sealer

SCOPE = Scope("111122223333", "us-east-1")
SMALL, LARGE = os.urandom(1000), os.urandom(200_000)


class Inside:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    async def ask(self, operation: str, body: bytes | None = None, **params: Any) -> dict[str, Any]:
        async def pieces() -> Any:
            if body is not None:
                yield body

        return await self.cloud.perform(
            "s3",
            operation,
            {"Bucket": "bkt", **params},
            scope=SCOPE,
            principal=root_of(SCOPE.account, "root"),
            cause=NO_CAUSE,
            body=pieces(),
        )

    async def get(self, key: str, **params: Any) -> tuple[bytes, dict[str, Any]]:
        found = await self.ask("GetObject", Key=key, **params)
        body = found["Body"]
        return body if isinstance(body, bytes) else b"".join([one async for one in body]), found

    async def put_old(self, key: str, *bodies: bytes) -> None:
        """As objects were stored before: the bytes as they came."""
        written = [await self.cloud.blobs.write(body, size_max=len(body)) for body in bodies]

        def commit(tx: Transaction) -> None:
            bucket = buckets.get_bucket(tx, "bkt")
            refs = [new.commit(tx) for new in written]
            stored = Object(
                key=key,
                id=refs[0].id,
                size=sum(ref.size for ref in refs),
                etag="0" * 32,
                modified_at_ms=0,
                checksum=Checksum("CRC64NVME", "AAAAAAAAAAA="),
                blob=refs[0] if len(refs) == 1 else None,
                parts=0 if len(refs) == 1 else len(refs),
            )
            pieces = tuple(Piece(ref, number) for number, ref in enumerate(refs, 1))
            objects.put_object(tx, bucket, stored, None if len(refs) == 1 else pieces)

        await self.cloud.store.write(commit)


def told(path: Path, story: Callable[[Inside], Awaitable[None]]) -> None:
    async def run() -> None:
        store, entropy = MemoryStore(), Entropy()
        cloud = Cloud(
            Settings(data=path, strict=True),
            store=store,
            blobs=Blobs(path / "blobs", store, entropy=entropy),
            clock=Clock(),
            entropy=entropy,
            services=SERVICES,
            questions=QUESTIONS,
        )
        cloud.bind(Sealer, Sealer(RootKeySource(None), entropy))
        Dispatcher(
            store, cloud.clock, entropy, resolve=cloud.registrations, consumers={}, run_dir=path
        )
        inside = Inside(cloud)
        await inside.ask("CreateBucket")
        await story(inside)

    asyncio.run(run())


def test_older_objects_are_read_and_claim_nothing(tmp_path: Path) -> None:
    async def story(inside: Inside) -> None:
        for key, bodies in (("s", [SMALL]), ("l", [LARGE]), ("m", [LARGE, SMALL])):
            whole = b"".join(bodies)
            await inside.put_old(key, *bodies)
            body, answer = await inside.get(key)
            assert body == whole
            assert "ServerSideEncryption" not in answer
            part, _ = await inside.get(key, Range="bytes=500-700")
            assert part == whole[500:701]
            source = {"CopySource": f"bkt/{key}"}
            copied = await inside.ask("CopyObject", Key="copy", **source)
            assert copied["ServerSideEncryption"] == "AES256"
            assert (await inside.get("copy"))[0] == whole
            await inside.ask("CopyObject", Key=key, **source, ServerSideEncryption="AES256")
            body, answer = await inside.get(key)
            assert (body, answer["ServerSideEncryption"]) == (whole, "AES256")
            assert (
                await S3Objects(inside.cloud).read_object("bkt", key, None, size_max=10**6) == whole
            )

    told(tmp_path, story)


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["row", "file"])
def test_what_was_exchanged_is_not_handed_out(tmp_path: Path, data: bytes) -> None:
    """Two objects of one length whose blobs somebody exchanged, checksums and all."""

    async def story(inside: Inside) -> None:
        await inside.ask("PutObject", data, Key="a")
        await inside.ask("PutObject", bytes(reversed(data)), Key="b")

        def exchange(tx: Transaction) -> None:
            import msgspec

            bucket = buckets.get_bucket(tx, "bkt")
            a, b = (objects.get_object(tx, bucket, key) for key in "ab")
            objects.put_row(tx, bucket, msgspec.structs.replace(a, blob=b.blob))
            objects.put_row(tx, bucket, msgspec.structs.replace(b, blob=a.blob))

        await inside.cloud.store.write(exchange)
        for key in "ab":
            with pytest.raises(BlobCorrupt):
                await inside.get(key)

    told(tmp_path, story)


def test_other_services_read_what_s3_may_open(tmp_path: Path) -> None:
    """Lambda's code: under the bucket's key or `aws/s3`, but not under keys whose policies do not name S3."""

    async def story(inside: Inside) -> None:
        ask = S3Objects(inside.cloud).read_object
        await inside.ask("PutObject", LARGE, Key="k")
        assert await ask("bkt", "k", None, size_max=10**6) == LARGE
        await inside.ask("PutObject", LARGE, Key="k", ServerSideEncryption="aws:kms")
        assert await ask("bkt", "k", None, size_max=10**6) == LARGE
        made = await inside.cloud.perform(
            "kms",
            "CreateKey",
            {},
            scope=SCOPE,
            principal=root_of(SCOPE.account, "root"),
            cause=NO_CAUSE,
        )
        kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": made["KeyMetadata"]["Arn"]}
        await inside.ask("PutObject", LARGE, Key="k", **kms)
        with pytest.raises(ObjectNotReadable) as caught:
            await ask("bkt", "k", None, size_max=10**6)
        assert caught.value.code == "AccessDenied"

    told(tmp_path, story)
