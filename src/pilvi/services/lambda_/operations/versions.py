"""Versions: a function's code and configuration as they were when they were published."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.http import Body
from pilvi.kit import paging
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.lambda_ import (
    access,
    describing,
    errors,
    limits,
    names,
    packages,
    provisioned,
    records,
    rules,
    sealing,
)
from pilvi.services.lambda_.names import FunctionName, function_arn
from pilvi.services.lambda_.operations.runtime_management import managements
from pilvi.services.lambda_.questions import runner_of
from pilvi.services.lambda_.records import Configuration, Function
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    FunctionConfiguration,
    ListVersionsByFunctionResponse,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import Key


@lambda_.stream("PublishVersion")
async def publish_version(call: Call, req: WatchedRequest, body: Body) -> FunctionConfiguration:
    """Make a version of $LATEST; answers with the last version when nothing changed since.

    Raises: ResourceNotFoundException, InvalidParameterValueException (CodeSha256),
        PreconditionFailedException.
    AWS: PublishVersion.
    """
    name = access.unqualified(call, req["FunctionName"])
    revision_id, asked = req.get("RevisionId"), req.get("CodeSha256")
    description = req.get("Description")
    refuse_unread(lambda_.operations["PublishVersion"], req)

    def made(tx: Transaction) -> tuple[Function, Configuration]:
        function = records.get_function(tx, name)
        rules.check_revision(revision_id, function.latest)
        sha256 = function.latest.package.sha256
        if asked and asked != sha256:
            raise errors.InvalidParameterValueException(
                detail=f"CodeSHA256 ({asked}) is different from current CodeSHA256 in $LATEST"
                f" ({sha256}). Please try again with the CodeSHA256 in $LATEST."
            )
        return publish(call, tx, name.scope, function, description=description)

    function, version = await call.transact(made)
    runner_of(call.cloud).preparing.begin_version(name.scope, function, version)
    result = describing.described_version(name.scope, function, version)
    await sealing.tell(call, name.scope, [(result, version)])
    return result


def publish(
    call: Call, tx: Transaction, scope: Scope, function: Function, *, description: str | None
) -> tuple[Function, Configuration]:
    """The function as it then is, and the version. `description`: None takes that of $LATEST."""
    home = records.function_home(scope, function.name)
    last = records.versions.find(tx, home, function.last_version)
    if last is not None and _unchanged(function, last):
        return function, last
    number = function.last_version + 1
    version = msgspec.structs.replace(
        function.latest,
        version=str(number),
        description=function.latest.description if description is None else description,
        revision_id=call.entropy.uuid(),
    )
    packages.retain_all(call.cloud, tx, version)
    records.versions.put(tx, home, version)
    revision_id = call.entropy.uuid()  # AWS: publishing changes the revision of $LATEST, too
    published = msgspec.structs.replace(
        function,
        latest=msgspec.structs.replace(function.latest, revision_id=revision_id),
        last_version=number,
        published_revision=revision_id,
    )
    records.put_function(tx, scope, published)
    return published, version


def _unchanged(function: Function, last: Configuration) -> bool:
    if function.latest.revision_id == function.published_revision:
        return True
    latest = function.latest
    as_last = msgspec.structs.replace(
        last, version=latest.version, revision_id=latest.revision_id, modified_ms=latest.modified_ms
    )
    return latest == as_last


@lambda_.stream("ListVersionsByFunction")
async def list_versions_by_function(
    call: Call, req: WatchedRequest, body: Body
) -> ListVersionsByFunctionResponse:
    """A page of a function's versions: $LATEST, then the oldest first.

    Raises: ResourceNotFoundException, InvalidParameterValueException (marker).
    AWS: ListVersionsByFunction.
    """
    name = access.function_named(call, req["FunctionName"])
    marker = req.get("Marker")
    size = min(req.get("MaxItems", limits.PAGE_MAX), limits.PAGE_MAX)

    def look(at: Snapshot) -> tuple[Function, list[Configuration], bool]:
        function = records.get_function(at, name)
        after = rules.key_of_marker(marker)
        first = () if after is not None else (function.latest,)
        home = records.function_home(name.scope, function.name)
        rest = records.versions.scan(at, home, after_key=after, limit=size + 1)
        return function, *paging.page_of((*first, *rest), size)

    function, page, more = await call.view(look)
    told = [_described(name.scope, function, one) for one in page]
    await sealing.tell(call, name.scope, zip(told, page, strict=True))
    result: ListVersionsByFunctionResponse = {"Versions": told}
    if more:
        last = page[-1].version
        result["NextMarker"] = paging.token_of((0 if last == names.LATEST else int(last),))
    return result


class Listed(NamedTuple):
    """A version in a list. `key`: where the list goes on behind it."""

    key: Key
    told: FunctionConfiguration
    configuration: Configuration


def listed(
    scope: Scope, at: Snapshot, after: Key | None, *, every_version: bool
) -> Iterator[Listed]:
    """Functions by name behind the key (name, number), each with its versions if they are asked for.

    Raises: InvalidParameterValueException for a key of something else.
    """
    match after:
        case None:
            first, behind = "", -1
        case (str(first), int(behind)):
            pass
        case _:
            raise errors.InvalidParameterValueException(detail="Invalid marker.")
    home = records.home(scope)
    start = records.functions.find(at, home, first) if first else None
    rest = records.functions.scan(at, home, after_key=(first,) if first else None)
    for function in chain(() if start is None else (start,), rest):
        number = behind if function is start else -1
        if number < 0:
            latest = describing.described(scope, function, function.latest)
            if every_version:
                latest["FunctionArn"] = f"{function_arn(scope, function.name)}:{names.LATEST}"
            yield Listed((function.name, 0), latest, function.latest)
        if every_version:
            within = records.function_home(scope, function.name)
            key = (max(number, 0),)
            for version in records.versions.scan(at, within, after_key=key):
                described = _described(scope, function, version)
                yield Listed((function.name, int(version.version)), described, version)


def delete(call: Call, tx: Transaction, name: FunctionName) -> None:
    """Raises: FunctionNotFound, ResourceConflictException (an alias needs it)."""
    home = records.function_home(name.scope, name.name)
    number = str(name.qualifier)
    users = [
        alias.name
        for alias in records.aliases.scan(tx, home)
        if number == alias.version or number in alias.weights
    ]
    if users:
        raise errors.ResourceConflictException(
            detail="Unable to delete version because the following aliases reference it:"
            f" [{', '.join(users)}]"
        )
    gone = None
    if number.isdecimal():
        gone = records.versions.delete(tx, home, names.version_number(number))
    if gone is None:
        raise errors.FunctionNotFound(arn=name.asked_arn)
    provisioned.delete(tx, name)
    packages.drop_all(call.cloud, tx, gone)
    if gone.sealed is not None:
        latest = records.get_function(tx, FunctionName(name.scope, name.name)).latest
        kept = (latest, *records.versions.scan(tx, home))
        sealing.release_unused(tx, name, [gone], kept, now_ms=call.now_ms)
    records.policies.delete(tx, home, number)
    records.event_configs.delete(tx, home, number)
    managements.delete(tx, home, number)


def _described(
    scope: Scope, function: Function, configuration: Configuration
) -> FunctionConfiguration:
    result = describing.described(scope, function, configuration)
    result["FunctionArn"] = f"{function_arn(scope, function.name)}:{configuration.version}"
    return result
