"""Large bodies: how fast they go in and out, and what memory the server takes meanwhile."""

from __future__ import annotations

import http.client
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.servers import Target

MIB = 1024 * 1024
BLOCK = bytes(range(256)) * (MIB // 256)
BUCKET = "bench-large"
GROWTH_MIB_MAX = 64.0
PART_BYTES = 16 * MIB
CLIENTS = 4
_SAMPLE_S = 0.02


@dataclass(frozen=True, slots=True)
class Moved:
    """`growth_mib`: the most that the server's memory was above what it was before."""

    what: str
    mib_per_s: float
    growth_mib: float


def small_and_large(target: Target, sizes_mib: tuple[int, ...]) -> Iterator[Moved]:
    """Each size put whole, read, and put in parts by several clients; then it goes again."""
    client = target.client("s3")
    client.create_bucket(Bucket=BUCKET)
    for size_mib in sizes_mib:
        size = size_mib * MIB
        if shutil.disk_usage(tempfile.gettempdir()).free < 4 * size:
            raise SystemExit(f"the disk has no room for {size_mib} MiB and what else is there")
        label = f"{size_mib} MiB"
        yield _measured(
            target, f"PutObject {label}", size, lambda size=size: put(target, "k", size)
        )
        if size_mib > 1024:
            client.delete_object(Bucket=BUCKET, Key="k")
            continue  # one upload is enough of these
        yield _measured(
            target, f"GetObject {label}", size, lambda size=size: get(target, "k", size)
        )
        client.delete_object(Bucket=BUCKET, Key="k")
        yield _measured(
            target, f"Multipart {label}", size, lambda size=size: parts(target, "m", size)
        )
        client.delete_object(Bucket=BUCKET, Key="m")


def _measured(target: Target, what: str, size: int, act: Callable[[], None]) -> Moved:
    with _watched(target) as most_mb:
        began = time.perf_counter()
        act()
        took_s = time.perf_counter() - began
    return Moved(what, size / MIB / took_s, most_mb[0] * 1e6 / MIB)


@contextmanager
def _watched(target: Target) -> Iterator[list[float]]:
    """The most that the memory grew meanwhile, in MB, once it is over."""
    over = threading.Event()
    before_mb = target.resident_mb()
    most = [0.0]

    def watch() -> None:
        while not over.wait(_SAMPLE_S):
            most[0] = max(most[0], target.resident_mb() - before_mb)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


def put(target: Target, key: str, size: int) -> None:
    _send(target, "PUT", f"/{BUCKET}/{key}", size)


def get(target: Target, key: str, size: int) -> None:
    with _connected(target) as connection:
        connection.sendall(_head(target, "GET", f"/{BUCKET}/{key}", 0))
        answer = http.client.HTTPResponse(connection, method="GET")
        answer.begin()
        buffer = memoryview(bytearray(MIB))
        missing = size
        while count := answer.readinto(buffer):
            missing -= count
        assert (answer.status, missing) == (200, 0), (answer.status, missing)


def parts(target: Target, key: str, size: int) -> None:
    client = target.client("s3")
    to = {"Bucket": BUCKET, "Key": key}
    to["UploadId"] = client.create_multipart_upload(**to)["UploadId"]

    def send(number: int) -> dict:
        path = f"/{BUCKET}/{key}?partNumber={number}&uploadId={to['UploadId']}"
        piece = min(PART_BYTES, size - (number - 1) * PART_BYTES)
        return {"PartNumber": number, "ETag": _send(target, "PUT", path, piece)}

    with ThreadPoolExecutor(CLIENTS) as pool:
        sent = list(pool.map(send, range(1, -(-size // PART_BYTES) + 1)))
    client.complete_multipart_upload(**to, MultipartUpload={"Parts": sent})


def _send(target: Target, method: str, path: str, size: int) -> str:
    """Gives the entity tag."""
    with _connected(target) as connection:
        connection.sendall(_head(target, method, path, size))
        for _ in range(size // MIB):
            connection.sendall(BLOCK)
        answer = http.client.HTTPResponse(connection, method=method)
        answer.begin()
        assert answer.status == 200, answer.read()
        return answer.headers["ETag"]


@contextmanager
def _connected(target: Target) -> Iterator[socket.socket]:
    host, port = target.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 600) as connection:
        yield connection


def _head(target: Target, method: str, path: str, size: int) -> bytes:
    headers = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    request = AWSRequest(method, target.url + path, headers=headers)
    credentials = Credentials(target.access_key_id, target.secret_access_key, target.session_token)
    signer = S3SigV4Auth(credentials, "s3", "us-east-1")
    signer.payload = lambda request: "UNSIGNED-PAYLOAD"
    signer.add_auth(request)
    host = target.url.removeprefix("http://")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {size}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
