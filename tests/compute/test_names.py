"""Names inside a sandbox: pilvi's, and all below them, lead to pilvi; no others exist."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compute.support import EVALUATE, Evaluator, Room
from pilvi.compute.names import reply

ZONES = ("localhost", "cloud.example")
A, AAAA, MX, ANY = 1, 28, 15, 255


def query(
    name: str, kind: int = A, *, number: int = 7, flags: int = 0x0100, count: int = 1
) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part)
    return (
        struct.pack("!6H", number, flags, count, 0, 0, 0) + labels + struct.pack("!B2H", 0, kind, 1)
    )


@pytest.mark.parametrize(
    ("name", "kind", "code", "address"),
    [
        ("localhost", A, 0, "127.0.0.1"),
        ("a.b.LocalHost", A, 0, "127.0.0.1"),
        ("bucket.s3.cloud.example", A, 0, "127.0.0.1"),
        ("bucket.localhost", AAAA, 0, None),
        ("bucket.localhost", MX, 0, None),
        ("notlocalhost", A, 3, None),
        ("localhost.com", A, 3, None),
        ("example", A, 3, None),
        ("", A, 3, None),
    ],
)
def test_answers(name: str, kind: int, code: int, address: str | None) -> None:
    asked = query(name, kind)
    answer = reply(asked, ZONES)
    assert answer is not None
    number, flags, questions, answers, *_ = struct.unpack_from("!6H", answer)
    assert (number, flags & 0x800F, questions, answers) == (
        7,
        0x8000 | code,
        1,
        int(address is not None),
    )
    assert answer[12 : len(asked)] == asked[12:], "the question comes first"
    if address is not None:
        assert answer[len(asked) :] == struct.pack("!3HIH", 0xC00C, A, 1, 60, 4) + socket.inet_aton(
            address
        )


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (query("localhost", flags=0x2800), 4),
        (query("localhost", count=2), 1),
        (query("localhost")[:-1], 1),
        (query("localhost", flags=0x8000), None),
        (query("x" * 64), 1),
        (query(".".join(["x" * 60] * 5)), 1),
        (b"", None),
        (b"x" * 600, None),
    ],
)
def test_what_is_no_question(message: bytes, code: int | None) -> None:
    answer = reply(message, ZONES)
    assert (None if answer is None else answer[3] & 0x0F) == code


@given(st.binary(max_size=600))
def test_nothing_breaks_it(message: bytes) -> None:
    answer = reply(message, ZONES)
    if answer is not None:
        assert answer[:2] == message[:2]
        assert len(answer) <= len(message) + 16, "it amplifies nothing"


def test_inside(tmp_path: Path) -> None:
    room = Room(tmp_path, host_names=("cloud.example",))
    try:
        inside = Evaluator(room.start(EVALUATE))
        code = """
def find(name):
    try:
        return sorted({found[4][0] for found in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)})
    except socket.gaierror as error:
        return error.errno == socket.EAI_NONAME
answer = [find(name) for name in event['names']]
"""
        ours = ["localhost", "bucket.localhost", "cloud.example", "x.execute-api.cloud.example"]
        assert inside(code, names=ours) == [["127.0.0.1"]] * 4
        # The host's own name is not known, unless it is an address, or what a sandbox calls itself on AWS, too.
        host = socket.gethostname()
        others = {"example.org", "pilvi", *([host] if host.isidentifier() else [])} - {"sandbox"}
        assert inside(code, names=sorted(others)) == [True] * len(others)
    finally:
        room.close()
