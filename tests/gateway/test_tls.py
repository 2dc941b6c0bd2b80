"""The certificate of `--tls`: what strict clients ask of it, and when another one is made."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.gateway.http1 import Connections
from pilvi.gateway.tls import server_context

NAMES = ["localhost", "*.s3.localhost", "127.0.0.1"]


async def fetch(server_side: ssl.SSLContext, certificate: Path, name: str, *, half: bool) -> bytes:
    async def app(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"secure" if request.secure else b"plain")

    client_side = ssl.create_default_context(cafile=str(certificate))
    client_side.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    made = Connections(app, secure=True)
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0, ssl=server_side)
    address = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*address, ssl=client_side, server_hostname=name)
    refused = b"PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n"
    asked = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
    writer.write(refused if half else asked)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    server.close()
    await made.close(0)
    return answer


def test_strict_clients_trust_it(tmp_path: Path) -> None:
    context = server_context(tmp_path / "tls", NAMES)
    for name in ("localhost", "bucket.s3.localhost", "127.0.0.1"):
        answer = asyncio.run(fetch(context, tmp_path / "tls" / "cert.pem", name, half=False))
        assert answer.endswith(b"secure")


def test_a_refusal_before_the_body_ends_the_connection(tmp_path: Path) -> None:
    """TLS cannot end one half alone."""
    context = server_context(tmp_path / "tls", NAMES)
    answer = asyncio.run(fetch(context, tmp_path / "tls" / "cert.pem", "localhost", half=True))
    assert answer.endswith(b"secure")


def test_it_is_kept_until_the_names_change(tmp_path: Path) -> None:
    directory = tmp_path / "tls"
    server_context(directory, NAMES)
    first = (directory / "cert.pem").read_bytes()
    server_context(directory, NAMES[:2])
    assert (directory / "cert.pem").read_bytes() == first
    server_context(directory, [*NAMES, "cloud.example"])
    second = (directory / "cert.pem").read_bytes()
    assert second != first
    assert (directory / "key.pem").stat().st_mode & 0o777 == 0o600
    (directory / "key.pem").unlink()
    server_context(directory, NAMES)
    assert (directory / "cert.pem").read_bytes() != second
