"""A worker process, as `supervise.py` starts it: its settings come on standard input."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from pilvi.base.errors import PilviError
from pilvi.cli.serve import serve
from pilvi.kit.settings import Settings
from pilvi.store.datadir import DataDir

_PR_SET_PDEATHSIG = 1


def main() -> None:
    told = json.load(sys.stdin)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != told["parent"]:
        sys.exit(1)  # the server ended before we were bound to it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too; the supervisor decides
    settings = msgspec.convert(told["settings"], Settings, dec_hook=lambda _, path: Path(path))
    pipe: int = told["ready"]

    def ready(first_key: tuple[str, str] | None) -> None:
        with suppress(BrokenPipeError):  # nobody waits for one that was started again
            os.write(pipe, json.dumps({"first_key": first_key}).encode())
        os.close(pipe)

    try:
        serve(
            settings,
            DataDir.join(settings.data, told["token"]),
            socket.socket(fileno=told["listener"]),
            admin_token=told["admin_token"],
            number=told["number"],
            ready=ready,
        )
    except PilviError as error:
        sys.exit(f"pilvi: {error.problem}\n{error.advice}")


if __name__ == "__main__":
    main()
