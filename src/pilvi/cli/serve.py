"""One worker: an event loop with a cloud, a listening socket, and the signals that end it."""

from __future__ import annotations

import asyncio
import gc
import logging
import logging.handlers
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable

import uvloop

from pilvi.app import App
from pilvi.gateway.http1 import Connections
from pilvi.gateway.routing import host_name
from pilvi.gateway.tls import server_context
from pilvi.kit.settings import Settings
from pilvi.store.datadir import DataDir

LOG_BYTES_MAX = 32 * 1024 * 1024
LOG_FILES = 4
LOG_TROUBLE_S = 60.0
GRACE_S = 10.0
GARBAGE_EVERY = 20_000
"""New containers, less those that went, before circles among the youngest are looked for."""
_DESCRIPTORS = 16_384

Ready = Callable[[tuple[str, str] | None], None]

log = logging.getLogger("pilvi")


def serve(
    settings: Settings,
    directory: DataDir,
    listener: socket.socket,
    *,
    admin_token: str,
    number: int,
    ready: Ready,
) -> None:
    """Serve until SIGTERM or SIGINT. `ready` is called with the first administrator's key, if one was made."""
    _log_to(settings, number)
    _raise_descriptors()
    uvloop.run(_serve(settings, directory, listener, admin_token, number, ready))


def _spare_the_collector() -> None:
    """What is there now stays, and need not be looked at again; and young objects rarely form circles here. With
    Python's defaults a page of a thousand keys takes three times as long to gather."""
    gc.freeze()
    gc.set_threshold(GARBAGE_EVERY, 20, 20)


def _raise_descriptors() -> None:
    """A thousand clients need as many descriptors; the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(
    settings: Settings,
    directory: DataDir,
    listener: socket.socket,
    admin_token: str,
    number: int,
    ready: Ready,
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    if number == 0 and settings.workers == 1:
        loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    app = await App.start(settings, directory, admin_token=admin_token, number=number)
    try:
        tls = None
        if settings.tls:
            name = host_name(settings.external_host)
            names = {"127.0.0.1"}.union(*((n, f"*.{n}", f"*.s3.{n}") for n in ("localhost", name)))
            tls = server_context(settings.data / "tls", sorted(names))
        connections = Connections(app.gateway, secure=settings.tls)
        server = await loop.create_server(connections, sock=listener, ssl=tls)
        _spare_the_collector()
        ready(app.first_key)
        log.info("worker %d (process %d) serves %s", number, os.getpid(), settings.external_url)
        await stop.wait()
        log.info("worker %d stops", number)
        server.close()
        await connections.close(GRACE_S)
    finally:
        await app.stop()


class _Formatter(logging.Formatter):
    """Lines of the access log are already whole."""

    def format(self, record: logging.LogRecord) -> str:
        return record.getMessage() if record.name == "pilvi.requests" else super().format(record)


class _LogFile(logging.handlers.RotatingFileHandler):
    """When it cannot be written, on a full disk, one line says so now and then; what was to be said is lost."""

    _told_at_s = -LOG_TROUBLE_S

    def handleError(self, record: logging.LogRecord) -> None:
        if time.monotonic() - self._told_at_s >= LOG_TROUBLE_S:
            self._told_at_s = time.monotonic()
            print(f"pilvi: the log cannot be written: {sys.exception()}", file=sys.stderr)


def _log_to(settings: Settings, number: int) -> None:
    """Requests and everything else go to the data directory's log; warnings to standard error, too."""
    name = "pilvi.log" if number == 0 else f"pilvi-{number}.log"
    file = _LogFile(settings.data / "logs" / name, maxBytes=LOG_BYTES_MAX, backupCount=LOG_FILES)
    file.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    screen = logging.StreamHandler()
    screen.setLevel(logging.WARNING)
    screen.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers = [file, screen]
    root.setLevel(logging.INFO)
