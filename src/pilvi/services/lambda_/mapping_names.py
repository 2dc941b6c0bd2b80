"""How event source mappings are named: by a UUID, in an ARN."""

from __future__ import annotations

import re

from pilvi.base.arn import Arn, Scope

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
KIND = "event-source-mapping"


def arn_of(scope: Scope, uuid: str) -> str:
    return f"arn:{scope.partition}:lambda:{scope.region}:{scope.account}:{KIND}:{uuid}"


def parse(scope: Scope, text: str) -> tuple[Scope, str] | None:
    """Whose mapping an ARN names to a caller in `scope`, and its UUID; None where it names none."""
    try:
        arn = Arn.parse(text)
    except ValueError:
        return None
    kind, _, uuid = arn.resource.partition(":")
    if arn.service != "lambda" or kind != KIND or not _UUID.fullmatch(uuid):
        return None
    return Scope(arn.account, arn.region, scope.partition), uuid
