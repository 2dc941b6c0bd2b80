"""Why something happens: every job and trace entry names the request that began its story."""

from __future__ import annotations

import msgspec


class Cause(msgspec.Struct, frozen=True):
    """`request_id`: the request at the root of the story; `parent`: the job directly before, if any."""

    request_id: str
    parent: str | None = None


NO_CAUSE = Cause("-")
"""For the system's own housekeeping and for tests."""
