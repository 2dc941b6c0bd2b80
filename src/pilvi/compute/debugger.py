"""The way from a function to the debugger of the person who writes it.

Inside a sandbox only pilvi's own listeners can be reached. A function that is debugged gets one more, and what connects
to it is piped to the port of this host's loopback where the debugger listens. A file says which, and that it is wanted:
whoever may write into the data directory may ask for it, and nobody else. It ends with the process that it names.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import msgspec

PORT = 5678
"""Inside."""
_LOOK_S = 0.25
_PIECE_BYTES = 65536


class Session(msgspec.Struct, frozen=True):
    """Somebody wants to debug a function."""

    pid: int
    """Of `pilvi lambda debug`; what it asked for ends with it."""
    port: int
    """Where the debugger listens, on this host's loopback."""
    layer: str
    """A directory with debugpy, and what starts it; becomes part of /opt."""


def place_of(data: Path, function_arn: str) -> Path:
    name = hashlib.sha256(function_arn.encode()).hexdigest()
    return data / "run" / "debug" / f"{name}.json"


def find(place: Path) -> Session | None:
    session = None
    try:
        session = msgspec.json.decode(place.read_bytes(), type=Session)
        os.kill(session.pid, 0)
    except PermissionError:
        return session  # another user's process, but alive
    except (OSError, msgspec.DecodeError):
        return None  # nobody asked for it, or whoever did is gone
    return session


async def pipe(place: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection from inside; waits for the debugger as long as the session lasts."""
    try:
        while (session := find(place)) is not None:
            try:
                debugger = await asyncio.open_connection("127.0.0.1", session.port)
            except OSError:
                await asyncio.sleep(_LOOK_S)
                if reader.at_eof():
                    return
                continue
            await _pipe_both(place, (reader, writer), debugger)
            return
    finally:
        writer.close()


async def _pipe_both(
    place: Path,
    one: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    other: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    ways = {
        asyncio.create_task(_copy(one[0], other[1])),
        asyncio.create_task(_copy(other[0], one[1])),
    }
    try:
        while find(place) is not None:
            done, _ = await asyncio.wait(ways, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return
    finally:
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)
        other[1].close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until either ends."""
    try:
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    except OSError:
        return
