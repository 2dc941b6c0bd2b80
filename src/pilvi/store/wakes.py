"""Carrying wakes between the processes that share a data directory.

Each process that waits binds a Unix datagram socket in `run/`; a wake is one datagram to every other
socket there. A datagram may be lost (a full queue, a process that binds at this moment, or that is killed
between its commit and the wake). So whoever waits is woken now and then when other processes have committed
anything, or sockets came and went: a lost wake costs time, never the work. While nothing happens elsewhere
nobody is woken, so it costs nothing to wait. A socket that refuses belongs to a dead process and is removed;
names are random, so never one that lives.

Some wakes go with no commit (the clock was moved). They change the folder's time, which the others see.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from pilvi.base.entropy import Entropy
from pilvi.store.waits import Waits

LOOK_AGAIN_S = 4.0
"""How often one asks whether others have committed anything."""
_SPREAD = 20
_SPREAD_S = 0.05
"""Then those who wait are woken in so many parts with such pauses, so that they look one after the other."""
_ASK_AGAIN = 25
_ASK_AGAIN_S = 0.02

_DATAGRAM_BYTES_MAX = 32 * 1024
_EVERYTHING = b"*"
_SUFFIX = ".wake"
_SETTLED_S = 0.1
"""A folder's time stamp is coarse: a list taken sooner after a change may lack a socket."""


class Wakes:
    """Used on one event loop."""

    def __init__(
        self,
        folder: Path,
        entropy: Entropy,
        others_commits: Callable[[], int | None],
    ) -> None:
        """`others_commits`: a number that changes when other processes commit; None: it cannot be had just now."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._waits = Waits()
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._name = f"{os.getpid()}-{entropy.hex(16)}{_SUFFIX}"
        self._out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._out.setblocking(False)
        self._in: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._peers: list[str] = []
        self._changed_ns = -1
        self._changed_seen_s = 0.0
        self._listed_s = -1.0
        self._others_commits = others_commits
        self._seen: tuple[int, int] | None = None
        self._timer: asyncio.TimerHandle | None = None

    # --- here

    def wake(self, topics: Iterable[str]) -> None:
        """End the waits on these topics, in all processes."""
        unique = set(topics)
        if not unique:
            return
        self._waits.wake(unique)
        peers = self._list_peers()
        if peers:
            datagram = "\n".join(unique).encode()
            if len(datagram) > _DATAGRAM_BYTES_MAX or any("\n" in topic for topic in unique):
                datagram = _EVERYTHING
            for peer in list(peers):
                self._send(peer, datagram)

    def wake_without_commit(self, topic: str) -> None:
        os.utime(self._folder)
        self.wake((topic,))

    async def wait(self, topic: str, timeout_s: float | None) -> bool:
        self._listen()
        if self._timer is None:
            self._look_later(LOOK_AGAIN_S)
        return await self._waits.wait(topic, timeout_s)

    # --- looking again

    def _look_later(self, delay_s: float, asked: int = 0) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._look, asked)

    def _look(self, asked: int) -> None:
        self._timer = None
        topics = self._waits.topics()
        if not topics:
            self._seen = None
            return
        commits = self._others_commits()
        if commits is None and asked < _ASK_AGAIN:
            self._look_later(_ASK_AGAIN_S, asked + 1)
            return
        seen = None if commits is None else (commits, os.fstat(self._folder).st_mtime_ns)
        self._look_later(LOOK_AGAIN_S)
        if seen is None or seen != self._seen:
            size = -(-len(topics) // _SPREAD)
            self._wake_slowly([topics[at : at + size] for at in range(0, len(topics), size)])
        self._seen = seen

    def _wake_slowly(self, parts: list[list[str]]) -> None:
        self._waits.wake(parts.pop())
        if parts:
            asyncio.get_running_loop().call_later(_SPREAD_S, self._wake_slowly, parts)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waits.wake_all()
        self._stop_listening()
        if self._in is not None:
            self._in.close()
            self._remove(self._name)
        self._out.close()
        os.close(self._folder)

    # --- there

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return
        self._stop_listening()
        if self._in is None:
            inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            inbox.setblocking(False)
            inbox.bind(self._address(self._name))
            self._in = inbox
        loop.add_reader(self._in.fileno(), self._receive)
        self._loop = loop

    def _stop_listening(self) -> None:
        if self._loop is not None and self._in is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._in.fileno())
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _receive(self) -> None:
        assert self._in is not None
        for _ in range(1024):
            try:
                datagram = self._in.recv(_DATAGRAM_BYTES_MAX + 1)
            except BlockingIOError:
                return
            if datagram == _EVERYTHING:
                self._waits.wake_all()
            else:
                self._waits.wake(datagram.decode("utf-8", "replace").split("\n"))

    def _send(self, peer: str, datagram: bytes) -> None:
        try:
            self._out.sendto(datagram, self._address(peer))
        except BlockingIOError:
            return  # Its queue is full of wakes: it looks again (see above).
        except ConnectionRefusedError:
            self._remove(peer)
            self._forget(peer)
        except FileNotFoundError:
            self._forget(peer)

    def _address(self, name: str) -> str:
        """Through the folder's descriptor: a socket's path has at most 108 bytes."""
        return f"/proc/self/fd/{self._folder}/{name}"

    def _list_peers(self) -> list[str]:
        changed_ns = os.fstat(self._folder).st_mtime_ns
        now_s = time.monotonic()
        if changed_ns != self._changed_ns:
            self._changed_ns, self._changed_seen_s = changed_ns, now_s
        if self._listed_s < self._changed_seen_s + _SETTLED_S:
            self._listed_s = now_s
            self._peers = [
                name
                for name in os.listdir(self._folder)
                if name.endswith(_SUFFIX) and name != self._name
            ]
        return self._peers

    def _forget(self, peer: str) -> None:
        if peer in self._peers:
            self._peers.remove(peer)

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._folder)
        except FileNotFoundError:
            return
