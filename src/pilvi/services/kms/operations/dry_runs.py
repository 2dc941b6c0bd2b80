"""Dry runs: everything is checked and done, and then refused, so that nothing of it comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.services.kms import errors


def end_dry_run(req: Mapping[str, Any]) -> None:
    """The last step of an operation that knows DryRun. Raises: DryRunOperationException."""
    if req.get("DryRun", False):
        raise errors.DryRunOperationException
