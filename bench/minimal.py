"""The least that could answer GetItem, PutItem and SendMessage here: our own HTTP layer, authenticator and store alone.

`python -m bench.minimal DATA READY` serves DATA, a new data directory; READY then tells where, and with which key.
Nothing is parsed: an item's key is the text that every request of the bench has for it. No permission is asked for.
"""

from __future__ import annotations

import asyncio
import gc
import json
import secrets
import signal
import sys
from pathlib import Path

import uvloop

from bench.tables import ITEMS, item, key
from pilvi.app import App
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.cli.serve import GARBAGE_EVERY
from pilvi.gateway.http1 import Connections
from pilvi.identity.errors import DIALECTS
from pilvi.kit.settings import Settings
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.datadir import DataDir

HEADERS = [("Content-Type", "application/x-amz-json-1.0")]
HOME = b"\x02bench\x00"
QUEUE = b"\x02queue\x00"
COUNT = QUEUE + b"c"
BEGINNING = b'{"pk"'
KEY_BYTES = len(json.dumps(key(0))) - 1
"""Without the brace at its end: so also an item begins."""


def handler(app: App):
    authenticate = app.gateway.authenticator.authenticate
    store = app.cloud.store
    dialect = DIALECTS["json"]

    async def serve(request: HttpRequest) -> HttpResponse:
        body = request.body
        if request.headers["x-amz-target"].endswith("SendMessage"):
            await authenticate(request, service_signing_name="sqs", dialect=dialect)
            return HttpResponse(200, HEADERS, await store.write(lambda tx: send(tx, body)))
        await authenticate(request, service_signing_name="dynamodb", dialect=dialect)
        start = body.index(BEGINNING)
        row = HOME + body[start : start + KEY_BYTES]
        if request.headers["x-amz-target"].endswith("GetItem"):

            def look(at: Snapshot) -> bytes | None:
                return at.get(row)

            found = await store.read(look)
            assert found is not None, row
            return HttpResponse(200, HEADERS, b'{"Item":' + found + b"}")

        def change(tx: Transaction) -> None:
            tx.put(row, body[start:-1])

        await store.write(change)
        return HttpResponse(200, HEADERS, b"{}")

    return serve


def send(tx: Transaction, body: bytes) -> bytes:
    """What a message costs the store: it, its place in the line, and the count of them all."""
    number = int(tx.get(COUNT) or b"0") + 1
    row = b"%016d" % number
    tx.put(QUEUE + b"m" + row, body)
    tx.put(QUEUE + b"r" + row, b"")
    tx.put(COUNT, b"%d" % number)
    return row


def fill(tx: Transaction) -> None:
    for number in range(ITEMS):
        text = json.dumps(item(number)).encode()
        tx.put(HOME + text[:KEY_BYTES], text)


async def main(data: Path, ready: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    settings = Settings(data, auth="strict")
    app = await App.start(settings, DataDir.open(data), admin_token=secrets.token_hex(16), number=0)
    try:
        await app.cloud.store.write(fill)
        connections = Connections(handler(app))
        server = await loop.create_server(connections, "127.0.0.1", 0)
        gc.freeze()
        gc.set_threshold(GARBAGE_EVERY, 20, 20)
        assert app.first_key is not None
        told = {"port": server.sockets[0].getsockname()[1], "key": app.first_key}
        whole = ready.with_suffix(".new")
        whole.write_text(json.dumps(told))
        whole.rename(ready)
        await stop.wait()
        server.close()
        await connections.close(1)
    finally:
        await app.stop()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
