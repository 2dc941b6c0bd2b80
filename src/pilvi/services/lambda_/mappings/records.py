"""What is stored of event source mappings.

Invariants:
1. A mapping that is not Disabled has its resident job (`residence.py`), and only that one ends a passing state.
2. What belongs to a mapping besides its record lies under `mapping_home`, and goes with it.
3. `version` grows with every change of the settings or of what is wanted: a poller that sees another one starts anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.base.arn import Scope
from pilvi.services.lambda_ import errors
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key, span

CREATING, ENABLING, ENABLED = "Creating", "Enabling", "Enabled"
DISABLING, DISABLED = "Disabling", "Disabled"
UPDATING, DELETING = "Updating", "Deleting"


class SealedFilters(msgspec.Struct, frozen=True):
    """Filters under a key of KMS (`sealing.py`). `data_key`: encrypted by it."""

    body: bytes
    data_key: bytes
    key_arn: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What people say of a mapping. None: never said, and not applicable to its source.

    `on_failure`: the ARN that gets what was given up; "" where it was taken away again. `filters`: patterns, empty
    where they are `sealed`. `metrics`: as they were given. `pollers`: the fewest and the most of the provisioned mode.
    """

    batch_size: int
    window_s: int = 0
    filters: tuple[str, ...] = ()
    kms_key_arn: str | None = None
    sealed: SealedFilters | None = None
    response_types: tuple[str, ...] = ()
    concurrency_max: int | None = None
    metrics: tuple[str, ...] | None = None
    pollers: tuple[int, int] | None = None
    starting_position: str | None = None
    parallelization: int | None = None
    bisect: bool | None = None
    retries_max: int | None = None
    record_age_s_max: int | None = None
    tumbling_window_s: int | None = None
    on_failure: str | None = None

    @property
    def reports_failures(self) -> bool:
        return "ReportBatchItemFailures" in self.response_types


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """`function_arn`: as it was asked for, with a qualifier where there was one; `function`: its name alone.

    `enabled`: what is wanted; `state`: what is.
    """

    uuid: str
    source_arn: str
    function_arn: str
    function: str
    settings: Settings
    enabled: bool
    state: str
    reason: str
    created_ms: int
    modified_ms: int
    version: int = 1
    tags: dict[str, str] = {}


class Progress(msgspec.Struct, frozen=True):
    """What a poller says of itself. `result`: LastProcessingResult, "" for none. `resting_until_ms`: it takes nothing
    before, whatever there is (a throttled function, a role without permission)."""

    uuid: str
    result: str = ""
    at_ms: int = 0
    resting_until_ms: int = 0


mappings = Collection(
    "lambda.mapping",
    Mapping,
    key=lambda mapping: (mapping.uuid,),
    indexes={
        "source": lambda mapping: (mapping.source_arn,),
        "function": lambda mapping: (mapping.function,),
    },
)
progresses = Collection("lambda.mapping-progress", Progress, key=lambda progress: (progress.uuid,))


def home(scope: Scope) -> Key:
    return (scope.account, scope.region)


def mapping_home(scope: Scope, uuid: str) -> Key:
    return (scope.account, scope.region, "lambda", "mapping", uuid)


def topic_of(uuid: str) -> str:
    """Woken when a mapping is changed, disabled or deleted: one of sixteen, that few have to look."""
    return f"lambda.mappings/{uuid[0]}"


def find_mapping(at: Snapshot, scope: Scope, uuid: str) -> Mapping | None:
    return mappings.find(at, home(scope), uuid)


def get_mapping(at: Snapshot, scope: Scope, uuid: str) -> Mapping:
    """Raises: NoSuchResource."""
    found = find_mapping(at, scope, uuid)
    if found is None:
        raise errors.NoSuchResource()
    return found


def list_mappings(
    at: Snapshot,
    scope: Scope,
    source_arn: str | None,
    function: str | None,
    *,
    after: str | None = None,
) -> Iterator[Mapping]:
    """By UUID: all, or those of a source, of a function, or of both. `after`: the UUID of the last one seen."""
    within = home(scope)
    if source_arn is None and function is None:
        yield from mappings.scan(at, within, after_key=None if after is None else (after,))
        return
    index, part = ("function", function) if source_arn is None else ("source", source_arn)
    assert part is not None
    behind = None if after is None else (part, after)
    for mapping in mappings.scan_index(at, within, index, (part,), after_entry=behind):
        if function is None or mapping.function == function:
            yield mapping


def put_mapping(tx: Transaction, scope: Scope, mapping: Mapping) -> None:
    mappings.put(tx, home(scope), mapping)
    tx.wake(topic_of(mapping.uuid))


def delete_mapping(tx: Transaction, scope: Scope, uuid: str) -> None:
    mappings.delete(tx, home(scope), uuid)
    tx.delete_range(*span(mapping_home(scope, uuid)))  # invariant 2
    tx.wake(topic_of(uuid))


def find_progress(at: Snapshot, scope: Scope, uuid: str) -> Progress:
    found = progresses.find(at, mapping_home(scope, uuid), uuid)
    return Progress(uuid) if found is None else found


def put_progress(tx: Transaction, scope: Scope, progress: Progress) -> None:
    progresses.put(tx, mapping_home(scope, progress.uuid), progress)
