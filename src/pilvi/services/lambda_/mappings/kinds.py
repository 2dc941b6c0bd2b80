"""Which sources there are: by the service in their ARNs."""

from __future__ import annotations

from collections.abc import Mapping as Table

from pilvi.services.lambda_.mappings import rules
from pilvi.services.lambda_.mappings.changes import kind as changes
from pilvi.services.lambda_.mappings.queues import source as queues
from pilvi.services.lambda_.mappings.source import Kind

KINDS: Table[str, Kind] = {rules.QUEUE: queues.KIND, rules.STREAM: changes.KIND}


def kind_of(source_arn: str) -> Kind:
    return KINDS[rules.kind_of(source_arn)]
