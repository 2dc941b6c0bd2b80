"""Bounds of S3 Select. AWS: S3 User Guide, "Requirements and limits" of S3 Select."""

from __future__ import annotations

RECORD_CHARACTERS_MAX = 1024 * 1024
"""Of a record, read or written."""
PIECE_BYTES_MAX = 256 * 1024
"""What is decompressed at once."""
