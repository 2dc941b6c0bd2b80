"""Browser uploads: forms as boto3 signs them, from their bytes to the stored object, without a socket."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree

import boto3
import pytest
from botocore.config import Config

from pilvi.app import QUESTIONS
from pilvi.base.arn import Scope
from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.contracts.causes import NO_CAUSE
from pilvi.contracts.credentials import Credentials
from pilvi.identity.authenticator import Authenticator
from pilvi.identity.principal import ANONYMOUS, root_of
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.settings import Settings
from pilvi.services.iam.administrators import IamAdministrators
from pilvi.services.s3.forms.posting import post_object
from pilvi.services.s3.forms.reading import Form
from pilvi.store.blobs import Blobs
from pilvi.store.memory import MemoryStore
from pilvi.store.sealing import RootKeySource, Sealer

ACCOUNT = "123456789012"
BOUNDARY = "----boundary"
T = TypeVar("T")


class Uploads:
    """A cloud with a bucket `bkt`, and a signer whose key this cloud issued."""

    def __init__(self, path: Path) -> None:
        self.clock, entropy = Clock(), Entropy(seed=1)
        store = MemoryStore()
        self.cloud = Cloud(
            Settings(data=path, strict=True),
            store=store,
            blobs=Blobs(path, store, entropy=entropy),
            clock=self.clock,
            entropy=entropy,
            services={"s3": "pilvi.services.s3:s3", "iam": "pilvi.services.iam:iam"},
            questions=QUESTIONS,
        )
        self.cloud.bind(Sealer, Sealer(RootKeySource(None), entropy))
        self.vouch = Authenticator(
            self.cloud.ask(Credentials), self.clock, mode="strict"
        ).authenticate_document
        self.client: Any = None

    async def start(self) -> None:
        key = await IamAdministrators(self.cloud).first_key(ACCOUNT)
        assert key is not None
        self.client = boto3.client(
            "s3",
            region_name="us-east-1",
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            config=Config(signature_version="s3v4"),
        )
        await self.ask("CreateBucket", Bucket="bkt")

    async def ask(self, operation: str, **params: Any) -> Any:
        root = root_of(ACCOUNT, "")
        scope = Scope(ACCOUNT, "us-east-1")
        return await self.cloud.perform(
            "s3", operation, params, scope=scope, principal=root, cause=NO_CAUSE
        )

    def sign(self, key: str = "k", **more: Any) -> dict[str, str]:
        return self.client.generate_presigned_post("bkt", key, **more)["fields"]

    async def post(
        self,
        fields: dict[str, str],
        body: bytes = b"hello",
        *,
        filename: str = "a.txt",
        piece: int = 1 << 20,
        **headers: str,
    ) -> HttpResponse:
        sent = encoded(fields, body, filename)
        pieces = (sent[at : at + piece] for at in range(0, len(sent), piece))

        async def stream() -> AsyncIterator[bytes]:
            for one in pieces:
                yield one

        content_type = headers.pop("content_type", f"multipart/form-data; boundary={BOUNDARY}")
        request = HttpRequest(
            "POST",
            "/bkt",
            "",
            {"content-type": content_type, "host": "h:1", **headers},
            stream=stream(),
        )
        call = Call(
            cloud=self.cloud,
            service="s3",
            operation="s3-post",
            scope=Scope("000000000000", "us-east-1"),
            principal=ANONYMOUS,
            request_id="r",
            now_ms=self.clock.now_ms(),
            request=request,
        )
        return await post_object(call, request, self.vouch)

    async def refuses(self, code: str, *given: Any, **more: Any) -> AwsError:
        with pytest.raises(AwsError) as caught:
            await self.post(*given, **more)
        assert caught.value.code == code, caught.value
        return caught.value

    async def keys(self) -> list[str]:
        return [
            one["Key"]
            for one in (await self.ask("ListObjectsV2", Bucket="bkt")).get("Contents", [])
        ]


def encoded(fields: dict[str, str], body: bytes, filename: str) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    shown = f'; filename="{filename}"' if filename else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"{shown}\r\nContent-Type: x/y\r\n\r\n'
    behind = f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="late"\r\n\r\nno\r\n--{BOUNDARY}--\r\n'
    return "".join([*parts, head]).encode() + body + behind.encode()


@pytest.fixture
def told(tmp_path: Path) -> Callable[[Callable[[Uploads], Awaitable[T]]], T]:
    """told(story): runs an async story with a fresh cloud."""

    def run(story: Callable[[Uploads], Awaitable[T]]) -> T:
        async def whole() -> T:
            uploads = Uploads(tmp_path)
            await uploads.start()
            return await story(uploads)

        return asyncio.run(whole())

    return run


def test_a_form_as_boto3_signs_it(told: Callable[..., Any]) -> None:
    async def story(s3: Uploads) -> None:
        answer = await s3.post(
            s3.sign("dir/${filename}", Conditions=[["starts-with", "$key", "dir/"]])
        )
        assert (answer.status, answer.body) == (204, b"")
        told = dict(answer.headers)
        assert told["Location"] == "http://h:1/bkt/dir%2Fa.txt"
        found = await s3.ask("GetObject", Bucket="bkt", Key="dir/a.txt")
        assert (found["Body"], found["ETag"]) == (b"hello", told["ETag"])
        assert found["ContentType"] == "binary/octet-stream"

    told(story)


@pytest.mark.parametrize("piece", [1, 7, 64, 4096])
def test_the_file_comes_in_pieces_of_any_size(told: Callable[..., Any], piece: int) -> None:
    """What looks like a delimiter and is none is part of the file."""
    body = (b"\r\n--" + BOUNDARY.encode()[:-1] + b"x\r\n-\r\n--") * 20 + bytes(300)

    async def story(s3: Uploads) -> None:
        await s3.post(s3.sign(), body, piece=piece)
        assert (await s3.ask("GetObject", Bucket="bkt", Key="k"))["Body"] == body

    told(story)


def test_a_large_file_is_never_whole_in_memory(told: Callable[..., Any]) -> None:
    body = bytes(48 * 1024 * 1024)

    async def story(s3: Uploads) -> None:
        fields = s3.sign()
        sent = encoded(fields, body, "a")
        view = memoryview(sent)

        async def stream() -> AsyncIterator[bytes]:
            for at in range(0, len(sent), 1 << 18):
                yield bytes(view[at : at + (1 << 18)])

        form = Form(stream(), BOUNDARY)
        tracemalloc.start()
        await form.read_fields()
        async for _ in form.file():
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert form.size == len(body)
        assert peak < 4 * 1024 * 1024

    told(story)


def test_what_a_form_says_of_its_object(told: Callable[..., Any]) -> None:
    given = {
        "acl": "private",
        "Content-Type": "text/plain",
        "Cache-Control": "no-cache",
        "x-amz-meta-one": "1",
        "x-amz-meta-umlaut": "ÄMÄZÕÑ S3",
        "x-amz-storage-class": "STANDARD_IA",
        "tagging": "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>",
        "x-ignore-me": "z",
    }

    async def story(s3: Uploads) -> None:
        conditions: list[Any] = [
            {name: value} for name, value in given.items() if name != "x-ignore-me"
        ]
        await s3.post(s3.sign(Fields=given, Conditions=conditions))
        found = await s3.ask("HeadObject", Bucket="bkt", Key="k")
        assert (found["ContentType"], found["CacheControl"]) == ("text/plain", "no-cache")
        assert found["Metadata"] == {
            "one": "1",
            "umlaut": "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=",
        }
        assert found["StorageClass"] == "STANDARD_IA"
        tags = await s3.ask("GetObjectTagging", Bucket="bkt", Key="k")
        assert tags["TagSet"] == [{"Key": "a", "Value": "b c"}]
        for name, value, code in (
            ("tagging", "no XML", "MalformedXML"),
            ("x-amz-storage-class", "FakeClass", "InvalidStorageClass"),
            ("x-amz-server-side-encryption", "aws:kms:dsse", "NotImplemented"),
            ("x-amz-server-side-encryption", "ROT13", "InvalidArgument"),
            ("x-amz-something", "x", "NotImplemented"),
            ("Content-Type", "text/plain\r\nset-cookie: a", "InvalidArgument"),
            ("x-amz-meta-a", "b\r\nset-cookie: a", "InvalidArgument"),
        ):
            fields = s3.sign("refused", Fields={name: value}, Conditions=[{name: value}])
            await s3.refuses(code, fields)
        assert await s3.keys() == ["k"]

    told(story)


def test_what_the_browser_gets(told: Callable[..., Any]) -> None:
    async def story(s3: Uploads) -> None:
        async def ask(name: str, value: str) -> HttpResponse:
            return await s3.post(s3.sign("k ü", Fields={name: value}, Conditions=[{name: value}]))

        assert (await ask("success_action_status", "200")).status == 200
        assert (await ask("success_action_status", "999")).status == 204
        created = await ask("success_action_status", "201")
        assert created.status == 201
        assert isinstance(created.body, bytes)
        root = ElementTree.fromstring(created.body)
        assert [(one.tag, one.text) for one in root] == [
            ("Location", "http://h:1/bkt/k%20%C3%BC"),
            ("Bucket", "bkt"),
            ("Key", "k ü"),
            ("ETag", '"5d41402abc4b2a76b9719d911017c592"'),
        ]
        sent_on = await ask("success_action_redirect", "https://page/done?x=1")
        assert sent_on.status == 303
        etag = "%225d41402abc4b2a76b9719d911017c592%22"
        assert dict(sent_on.headers)["Location"] == (
            f"https://page/done?x=1&bucket=bkt&key=k+%C3%BC&etag={etag}"
        )
        assert (await ask("success_action_redirect", "javascript:x")).status == 204

    told(story)


# Texts as recorded from AWS.
def test_conditions_of_the_policy(told: Callable[..., Any]) -> None:
    failed = "Invalid according to Policy: Policy Condition failed: "

    async def story(s3: Uploads) -> None:
        async def refused(code: str, condition: Any, **fields: str) -> AwsError:
            return await s3.refuses(code, {**s3.sign(Conditions=[condition]), **fields})

        name, url = "$success_action_redirect", "http://localhost.test/random"
        error = await refused("AccessDenied", ["eq", name, url], success_action_redirect="other")
        assert error.text == f'{failed}["eq", "{name}", "{url}"]'
        error = await refused("AccessDenied", ["eq", name[1:], url], success_action_redirect=url)
        assert error.text == f'{failed}["eq", "success_action_redirect", "{url}"]'
        error = await refused(
            "AccessDenied", ["starts-with", name, "http://localhost"], success_action_redirect="x"
        )
        assert error.text == f'{failed}["starts-with", "{name}", "http://localhost"]'
        error = await refused("AccessDenied", {"bucket": "other"})
        error = await refused("AccessDenied", ["content-length-range", "test", "10"])
        assert error.text == f'{failed}["content-length-range", "test", "10"]'
        error = await refused("InvalidPolicyDocument", {"a": "b", "c": "d"})
        assert error.text == (
            "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
        )
        await refused("InvalidPolicyDocument", ["like", "$key", "x"])
        await refused("InvalidPolicyDocument", "x")
        error = await s3.refuses("AccessDenied", {**s3.sign(), "x-amz-meta-a": "b"})
        assert error.text == "Invalid according to Policy: Extra input fields: x-amz-meta-a"
        limited = s3.sign(Conditions=[["content-length-range", 5, 10]])
        error = await s3.refuses("EntityTooLarge", limited, b"a" * 12)
        assert error.members == {"ProposedSize": "12", "MaxSizeAllowed": "10"}
        error = await s3.refuses("EntityTooSmall", limited, b"a")
        assert error.members == {"ProposedSize": "1", "MinSizeAllowed": "5"}
        assert "Contents" not in await s3.ask("ListObjectsV2", Bucket="bkt")
        await s3.post(limited, b"a" * 10)
        several = s3.sign(Conditions=[["starts-with", "$Content-Type", "image/"]])
        await s3.post({**several, "content-type": "image/png,image/gif"})
        await s3.refuses("AccessDenied", {**several, "content-type": "image/png,text/html"})

    told(story)


def test_who_signed_it(told: Callable[..., Any]) -> None:
    missing = "Bucket POST must contain a field named '{}'.  If it is specified, please check the order of the fields."

    async def story(s3: Uploads) -> None:
        fields = s3.sign()
        other = s3.sign("other")
        await s3.refuses("SignatureDoesNotMatch", {**fields, "policy": other["policy"]})
        await s3.refuses("SignatureDoesNotMatch", {**fields, "x-amz-signature": "00" * 32})
        await s3.refuses("AccessDenied", {**fields, "key": "other"})
        await s3.refuses("InvalidToken", {**fields, "x-amz-security-token": "x"})
        for name in ("X-Amz-Signature", "X-Amz-Algorithm", "key", "policy"):
            some = {one: value for one, value in fields.items() if one != name.lower()}
            error = await s3.refuses("InvalidArgument", some)
            assert error.text == missing.format(name)
            assert error.members["ArgumentName"] == name
        await s3.refuses("AccessDenied", {"key": "k"})
        await s3.refuses(
            "InvalidAccessKeyId",
            {"key": "k", "AWSAccessKeyId": "x", "policy": "", "signature": "x"},
        )
        unknown = fields["x-amz-credential"].replace("AKIA", "AKIB")
        await s3.refuses("InvalidAccessKeyId", {**fields, "x-amz-credential": unknown})
        await s3.post(fields)

    told(story)


def test_a_policy_expires_by_the_clock(told: Callable[..., Any]) -> None:
    async def story(s3: Uploads) -> None:
        fields = s3.sign(ExpiresIn=60)
        await s3.post(fields)
        s3.clock.advance(120_000)
        error = await s3.refuses("AccessDenied", fields)
        assert error.text == "Invalid according to Policy: Policy expired."

    told(story)


def test_forms_that_are_none(told: Callable[..., Any]) -> None:
    async def story(s3: Uploads) -> None:
        error = await s3.refuses("PreconditionFailed", s3.sign(), content_type="text/plain")
        assert error.members == {
            "Condition": "Bucket POST must be of the enclosure-type multipart/form-data"
        }
        await s3.refuses(
            "MalformedPOSTRequest", s3.sign(), content_type="multipart/form-data; boundary=x"
        )
        await s3.refuses("MaxPostPreDataLengthExceeded", {**s3.sign(), "x-ignore-a": "x" * 20_000})
        await s3.refuses(
            "MaxPostPreDataLengthExceeded",
            {**s3.sign(), **{f"x-ignore-{n}": "" for n in range(500)}},
        )
        whole = encoded(s3.sign(), b"hello", "a")

        async def read(cut: int) -> None:
            async def stream() -> AsyncIterator[bytes]:
                yield whole[:cut]

            form = Form(stream(), BOUNDARY)
            await form.read_fields()
            async for _ in form.file():
                pass

        for cut in (0, 10, 700, whole.index(b"hello") + 3):
            with pytest.raises(AwsError, match="MalformedPOSTRequest"):
                await read(cut)
        assert "Contents" not in await s3.ask("ListObjectsV2", Bucket="bkt")

    told(story)
