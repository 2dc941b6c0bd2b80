"""The API of event source mappings.

Differs: the passing states last as long as it takes, which is milliseconds here unless batches run; so a mapping that
is on its way may be changed again, and only one that is being deleted is "in use".
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.http import Body
from pilvi.kit import paging
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.lambda_ import access, acting, errors, mapping_names
from pilvi.services.lambda_ import records as functions
from pilvi.services.lambda_ import rules as function_rules
from pilvi.services.lambda_.mappings import records, residence, rules, sealing
from pilvi.services.lambda_.mappings.access import MappingSide
from pilvi.services.lambda_.mappings.kinds import kind_of
from pilvi.services.lambda_.mappings.records import Mapping, Settings
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.records import Configuration
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    EventSourceMappingConfiguration,
    ListEventSourceMappingsRequest,
    ListEventSourceMappingsResponse,
)
from pilvi.store.api import Snapshot, Transaction

_PAGE_MAX = 100


@lambda_.stream("CreateEventSourceMapping")
async def create_event_source_mapping(
    call: Call, req: WatchedRequest, body: Body
) -> EventSourceMappingConfiguration:
    """Have a function invoked with what comes to a queue or a stream.

    `MetricsConfig` is kept; there is nothing here yet that would collect such metrics.

    Raises: InvalidParameterValueException, ResourceConflictException, NotBuilt (other sources).
    AWS: CreateEventSourceMapping.
    """
    source_arn = rules.source_of(req)
    name = access.function_named(call, req["FunctionName"])
    configuration = await _configuration_of(call, name)
    rules.check_position(req, source_arn)
    settings = rules.new_settings(req, source_arn)
    enabled = req.get("Enabled")
    tags: dict[str, str] = dict(req.get("Tags") or {})
    function_rules.check_tags(tags)
    refuse_unread(lambda_.operations["CreateEventSourceMapping"], req)
    mapping = Mapping(
        uuid=call.entropy.uuid(),
        source_arn=source_arn,
        function_arn=name.asked_arn,
        function=name.name,
        settings=settings,
        enabled=enabled is not False,
        state=records.CREATING,
        reason=rules.reason_of(source_arn),
        created_ms=call.now_ms,
        modified_ms=call.now_ms,
        tags=tags,
    )
    await call.view(lambda at: _refuse_second(at, call.scope, mapping, name))
    await _check_source(call, mapping, name, configuration)
    settings = await sealing.sealed(call, None, mapping, given=True)
    mapping = msgspec.structs.replace(mapping, settings=settings)

    def create(tx: Transaction) -> EventSourceMappingConfiguration:
        _refuse_second(tx, call.scope, mapping, name)
        shown = mapping
        if not mapping.enabled and rules.kind_of(source_arn) == rules.QUEUE:
            shown = msgspec.structs.replace(mapping, state=records.DISABLED)
        else:
            residence.plan(tx, call.scope, mapping.uuid, call.now_ms)
        records.put_mapping(tx, call.scope, shown)
        return _described(tx, call.scope, shown)

    result = await call.transact(create)
    await sealing.tell(call, result, mapping)
    return result


@lambda_.stream("UpdateEventSourceMapping")
async def update_event_source_mapping(
    call: Call, req: WatchedRequest, body: Body
) -> EventSourceMappingConfiguration:
    """Change a mapping, disable it, or enable it again. Batches that run are finished first.

    Raises: ResourceNotFoundException, ResourceInUseException, InvalidParameterValueException,
        ResourceConflictException, NotBuilt.
    AWS: UpdateEventSourceMapping.
    """
    uuid = req["UUID"]
    old = await call.view(lambda at: _changeable(at, call.scope, uuid, "update"))
    text = req.get("FunctionName")
    name = access.function_named(call, old.function_arn if text is None else text)
    wanted = req.get("Enabled")
    settings = rules.changed(old.settings, req, old.source_arn)
    refuse_unread(lambda_.operations["UpdateEventSourceMapping"], req)
    moved = msgspec.structs.replace(old, function_arn=name.asked_arn, settings=settings)
    polls = old.enabled if wanted is None else wanted
    if text is not None or settings.on_failure != old.settings.on_failure:
        configuration = await _configuration_of(call, name)
        await _check_source(call, moved, name, configuration)
    elif polls and rules.kind_of(old.source_arn) == rules.QUEUE:  # its timeout may have changed
        with suppress(errors.FunctionNotFound):
            found = await call.view(lambda at: functions.resolve(at, name))
            await _check_source(call, moved, name, found.configuration)
    settings = await sealing.sealed(call, old, moved, given=req.get("FilterCriteria") is not None)

    def update(tx: Transaction) -> tuple[EventSourceMappingConfiguration, Mapping]:
        current = _changeable(tx, call.scope, uuid, "update")
        if text is not None:
            _refuse_second(tx, call.scope, current, name)
        fresh = _updated(current, name, settings, wanted, call.now_ms)
        if current.state == records.DISABLED:
            residence.plan(tx, call.scope, uuid, call.now_ms)
        records.put_mapping(tx, call.scope, fresh)
        return _described(tx, call.scope, fresh), fresh

    result, changed = await call.transact(update)
    await sealing.tell(call, result, changed)
    return result


def _updated(
    old: Mapping, name: FunctionName, settings: Settings, wanted: bool | None, now_ms: int
) -> Mapping:
    enabled = old.enabled if wanted is None else wanted
    state = records.UPDATING
    if enabled != old.enabled:
        state = records.ENABLING if enabled else records.DISABLING
    return msgspec.structs.replace(
        old,
        function_arn=name.asked_arn,
        function=name.name,
        settings=settings,
        enabled=enabled,
        state=state,
        reason=rules.reason_of(old.source_arn),
        modified_ms=now_ms,
        version=old.version + 1,
    )


@lambda_.stream("GetEventSourceMapping")
async def get_event_source_mapping(
    call: Call, req: WatchedRequest, body: Body
) -> EventSourceMappingConfiguration:
    """Raises: ResourceNotFoundException. AWS: GetEventSourceMapping."""
    uuid = req["UUID"]

    def look(at: Snapshot) -> tuple[EventSourceMappingConfiguration, Mapping]:
        mapping = records.get_mapping(at, call.scope, uuid)
        return _described(at, call.scope, mapping), mapping

    result, mapping = await call.view(look)
    await sealing.tell(call, result, mapping)
    return result


@lambda_.read("ListEventSourceMappings")
def list_event_source_mappings(
    call: Call, at: Snapshot, req: ListEventSourceMappingsRequest
) -> ListEventSourceMappingsResponse:
    """A page of mappings: all, or those of a source, of a function, or of both.

    Raises: ResourceNotFoundException (no such function), InvalidParameterValueException (marker).
    AWS: ListEventSourceMappings.
    """
    source_arn = req.get("EventSourceArn")
    text = req.get("FunctionName")
    name = None if text is None else access.function_named(call, text)
    marker = function_rules.key_of_marker(req.get("Marker"))
    after = None if marker is None else str(marker[-1])
    found = records.list_mappings(
        at, call.scope, source_arn, None if name is None else name.name, after=after
    )
    if name is not None:
        asked_arn = name.asked_arn
        found = (one for one in found if rules.same_function(one.function_arn, asked_arn))
    size = min(req.get("MaxItems", _PAGE_MAX), _PAGE_MAX)
    page, more = paging.page_of(found, size)
    if name is not None and not page and after is None:
        functions.get_function(at, name)
    result: ListEventSourceMappingsResponse = {
        "EventSourceMappings": [_described(at, call.scope, one) for one in page]
    }
    if more:
        result["NextMarker"] = paging.token_of((page[-1].uuid,))
    return result


@lambda_.stream("DeleteEventSourceMapping")
async def delete_event_source_mapping(
    call: Call, req: WatchedRequest, body: Body
) -> EventSourceMappingConfiguration:
    """Poll no more. The mapping is gone when the batches that run are finished.

    Raises: ResourceNotFoundException, ResourceInUseException. AWS: DeleteEventSourceMapping.
    """
    uuid = req["UUID"]
    result, mapping = await call.transact(lambda tx: _delete(call, tx, uuid))
    await sealing.tell(call, result, mapping)
    return result


def _delete(
    call: Call, tx: Transaction, uuid: str
) -> tuple[EventSourceMappingConfiguration, Mapping]:
    old = _changeable(tx, call.scope, uuid, "delete")
    fresh = msgspec.structs.replace(
        old,
        enabled=False,
        state=records.DELETING,
        reason=rules.reason_of(old.source_arn),
        modified_ms=call.now_ms,
        version=old.version + 1,
    )
    if old.state == records.DISABLED:
        residence.plan(tx, call.scope, old.uuid, call.now_ms)
    records.put_mapping(tx, call.scope, fresh)
    return _described(tx, call.scope, fresh), fresh


# --- what they share


def _described(at: Snapshot, scope: Scope, mapping: Mapping) -> EventSourceMappingConfiguration:
    return rules.described(scope, mapping, records.find_progress(at, scope, mapping.uuid))


def _changeable(at: Snapshot, scope: Scope, uuid: str, verb: str) -> Mapping:
    """Raises: ResourceNotFoundException, ResourceInUseException."""
    mapping = records.get_mapping(at, scope, uuid)
    if mapping.state == records.DELETING:
        raise errors.MappingInUse(verb=verb)
    return mapping


async def _configuration_of(call: Call, name: FunctionName) -> Configuration:
    """Raises: InvalidParameterValueException."""
    try:
        return (await call.view(lambda at: functions.resolve(at, name))).configuration
    except errors.FunctionNotFound:
        raise errors.InvalidParameterValueException(detail="Function does not exist") from None


def _refuse_second(at: Snapshot, scope: Scope, mapping: Mapping, name: FunctionName) -> None:
    """Raises: ResourceConflictException when the function has a mapping of that source already."""
    for other in records.list_mappings(at, scope, mapping.source_arn, name.name):
        if other.uuid != mapping.uuid and other.function_arn == name.asked_arn:
            raise rules.already_there(other, name)


async def _check_source(
    call: Call, mapping: Mapping, name: FunctionName, configuration: Configuration
) -> None:
    """Raises: InvalidParameterValueException."""
    try:
        role = await acting.execution_role(call.cloud, configuration.role, name.arn)
    except errors.RoleNotAssumed:
        raise errors.InvalidParameterValueException(detail=errors.NOT_ASSUMABLE) from None
    await kind_of(mapping.source_arn).check(call, mapping, configuration.timeout_s, role)


access.KINDS[mapping_names.KIND] = MappingSide()


class TaggedMappings:
    """Mappings as holders of tags: see `operations/tags.py`."""

    def get(self, call: Call, at: Snapshot, arn: str) -> dict[str, str]:
        return self._mapping(call, at, arn).tags

    def put(self, call: Call, tx: Transaction, arn: str, tags: dict[str, str]) -> None:
        mapping = msgspec.structs.replace(self._mapping(call, tx, arn), tags=tags)
        records.put_mapping(tx, call.scope, mapping)

    def _mapping(self, call: Call, at: Snapshot, arn: str) -> Mapping:
        found: Any = None
        if arn.split(":")[3:5] == [call.region, call.account]:
            found = records.find_mapping(at, call.scope, arn.rpartition(":")[2])
        if found is None:
            raise errors.ResourceNotFoundException(detail=f"Event source mapping not found: {arn}")
        return found
