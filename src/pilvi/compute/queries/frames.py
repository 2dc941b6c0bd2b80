"""What a query's process and the server say to each other.

The server writes the plan (four bytes of length, then JSON), afterwards what is asked for, as bare bytes. The process
writes frames: a kind, four bytes of length, a payload.
"""

from __future__ import annotations

import struct

HEAD = struct.Struct(">cI")
LENGTH = struct.Struct(">I")

RECORDS = b"R"
"""Bytes for the client."""
STATISTICS = b"S"
"""JSON: scanned, processed, returned (bytes)."""
READ = b"W"
"""JSON: start, end. The server answers with exactly these bytes of the object."""
FOLLOW = b"F"
"""JSON: start, end. The server writes these bytes as fast as they are taken, then closes."""
PROBLEM = b"E"
"""JSON: code, text. The last frame."""
BROKEN = b"X"
"""A traceback. The last frame."""
DONE = b"Z"
"""JSON: as STATISTICS. The last frame."""

RECORDS_BYTES_MAX = 1024 * 1024
PAYLOAD_BYTES_MAX = 4 * RECORDS_BYTES_MAX
"""A record of the most characters, each of four bytes."""
