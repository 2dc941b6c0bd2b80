"""The port of a server: whose it is, and for how long one waits for it."""

from __future__ import annotations

import socket
import threading

import pytest

from pilvi.base.errors import PilviError
from pilvi.cli import up


def test_the_port_of_a_server_that_is_still_dying_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as dying:
        port = dying.getsockname()[1]
        threading.Timer(0.05, dying.close).start()
        with up._listen("127.0.0.1", port) as listener:
            assert listener.getsockname() == ("127.0.0.1", port)


def test_a_port_that_stays_taken_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "_DYING_S_MAX", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PilviError, match=f"port {port} is taken: another program listens"):
            up._listen("127.0.0.1", port)
