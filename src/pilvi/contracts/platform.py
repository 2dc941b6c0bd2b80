"""pilvi's own API as a sandbox reaches it: asked by Lambda for its execution environments, answered by app.py."""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol


class Platform(Protocol):
    port: int
    """The port of AWS_ENDPOINT_URL, inside a sandbox and outside."""
    url: str
    """AWS_ENDPOINT_URL itself."""

    async def serve(self, listener: socket.socket) -> asyncio.AbstractServer:
        """Serve the API on a listening socket that lies inside a sandbox's network."""
        ...
