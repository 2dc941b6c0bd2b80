"""Functions: create, get, list, configure, delete."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from pilvi.base.http import Body
from pilvi.contracts.credentials import RoleNotAssumable, Sessions
from pilvi.kit import paging
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.kit.permission import Permission, may
from pilvi.services.lambda_ import (
    access,
    code_signing,
    describing,
    errors,
    limits,
    links,
    names,
    packages,
    provisioned,
    records,
    rules,
    sealing,
)
from pilvi.services.lambda_.destinations import checks
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.operations import versions
from pilvi.services.lambda_.questions import runner_of
from pilvi.services.lambda_.records import Configuration, Function
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    DeleteFunctionRequest,
    DeleteFunctionResponse,
    FunctionConfiguration,
    GetFunctionResponse,
    ListFunctionsResponse,
)
from pilvi.store.api import Snapshot, Transaction


@lambda_.stream("CreateFunction")
@packages.few_at_once
async def create_function(call: Call, req: WatchedRequest, body: Body) -> FunctionConfiguration:
    """Create a function from a zip package.

    The package is unpacked before the answer, so one that cannot be is refused at once.
    Differs: the function runs on this host's processor, whichever architecture it names. Networks and file systems are
    kept and told, but there are none here: a function reaches this cloud, and VpcId is empty. Nothing takes time, so
    the next look finds it Active.

    Raises: ResourceConflictException, InvalidParameterValueException (keys of KMS, too), ValidationException,
        RequestEntityTooLargeException, AccessDeniedException (a role of another account),
        CodeSigningConfigNotFoundException, CodeVerificationFailedException, NotBuilt (images, tenants, durable
        functions, capacity providers).
    AWS: CreateFunction; Lambda Developer Guide, "Lambda function states".
    """
    name = access.new_function(call, req["FunctionName"])
    pending_id, revision_id = call.entropy.uuid(), call.entropy.uuid()
    await call.view(lambda at: _refuse_existing(at, name))
    zipped = await packages.read_code(call, req["Code"])
    tags = dict(req.get("Tags", {}).items())
    layer_arns = list(req.get("Layers", []))
    draft = rules.new_configuration(
        req,
        packages.unsaved(zipped),
        (),
        name=name.name,
        now_ms=call.now_ms,
        revision_id=revision_id,
    )
    rules.check_role(name.scope, draft.role)
    await _check_assumable(call, name, draft.role)
    rules.check_tags(tags)
    rules.check_layer_arns(name.scope, layer_arns)
    await checks.check_dead_letter(call, name, draft)
    publish = req.get("Publish", False)
    signing_arn = req.get("CodeSigningConfigArn")
    refuse_unread(lambda_.operations["CreateFunction"], req)
    async with packages.saved(call, zipped) as saved, _sealed(call, name, None, draft) as draft:

        def create(tx: Transaction) -> tuple[Function, Configuration | None]:
            _refuse_existing(tx, name)
            config_id = None
            if signing_arn:
                config_id = code_signing.get_for_function(tx, name.scope, signing_arn).id
                code_signing.check_code(tx, name.scope, name.name, config_id)
            uses = packages.use_layers(call, tx, name.scope, layer_arns)
            latest = msgspec.structs.replace(draft, package=saved.keep(tx), layers=uses)
            rules.check_unzipped(latest)
            function = Function(
                name=name.name,
                created_ms=call.now_ms,
                latest=latest,
                tags=tags,
                signing=config_id,
            )
            records.put_function(tx, name.scope, function)
            if publish:
                return versions.publish(call, tx, name.scope, function, description=None)
            return function, None

        function, version = await call.transact(create)
    preparing = runner_of(call.cloud).preparing
    preparing.begin(function.latest)
    if version is not None:
        preparing.begin_version(name.scope, function, version)
    result = describing.described_pending(
        name.scope, function, function.latest, revision_id=pending_id
    )
    if publish:
        result["Version"] = str(function.last_version)
    await sealing.tell(call, name.scope, [(result, function.latest)])
    return result


@asynccontextmanager
async def _sealed(
    call: Call,
    name: FunctionName,
    old: Configuration | None,
    wanted: Configuration,
    *,
    given: bool = True,
) -> AsyncGenerator[Configuration]:
    """The wanted configuration with its variables under its key; what that took is undone with the request."""
    if not sealing.is_changed(old, wanted, given=given):
        yield wanted
        return
    made = await sealing.change(call, name, old, wanted, given=given)
    try:
        yield made
    except BaseException:
        await sealing.undo(call, name, made, old)
        raise


async def _check_assumable(call: Call, name: FunctionName, role: str) -> None:
    """Raises: InvalidParameterValueException."""
    try:
        await call.ask(Sessions).check_assumable(role_arn=role, source=names.source_of(name.arn))
    except RoleNotAssumable:
        raise errors.InvalidParameterValueException(detail=errors.NOT_ASSUMABLE) from None


def _refuse_existing(at: Snapshot, name: FunctionName) -> None:
    if records.functions.find(at, records.home(name.scope), name.name) is not None:
        raise errors.ResourceConflictException(detail=f"Function already exist: {name.name}")


@lambda_.stream("GetFunction")
async def get_function(call: Call, req: WatchedRequest, body: Body) -> GetFunctionResponse:
    """A function's configuration, reserved concurrency, and tags for those who may list them.

    `Code.Location` is an address from which anybody can download the package for ten minutes.

    Raises: ResourceNotFoundException. AWS: GetFunction.
    """
    name = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    function, configuration = await call.view(lambda at: records.resolve(at, name))
    result: GetFunctionResponse = {
        "Configuration": await _active(call, name, function, configuration),
        "Code": {
            "RepositoryType": "S3",
            "Location": links.link_to_function(call, name, configuration),
        },
    }
    if function.tags and await may(call, Permission("lambda:ListTags", (name.arn,))):
        result["Tags"] = function.tags
    if function.reserved_concurrency is not None:
        result["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return result


@lambda_.stream("GetFunctionConfiguration")
async def get_function_configuration(
    call: Call, req: WatchedRequest, body: Body
) -> FunctionConfiguration:
    """Raises: ResourceNotFoundException. AWS: GetFunctionConfiguration."""
    name = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    found = await call.view(lambda at: records.resolve(at, name))
    return await _active(call, name, *found)


async def _active(
    call: Call, name: FunctionName, function: Function, configuration: Configuration
) -> FunctionConfiguration:
    """With the ARN qualified as it was asked for."""
    result = describing.described_active(name.scope, function, configuration)
    result["FunctionArn"] = name.asked_arn
    await sealing.tell(call, name.scope, [(result, configuration)])
    return result


@lambda_.stream("ListFunctions")
async def list_functions(call: Call, req: WatchedRequest, body: Body) -> ListFunctionsResponse:
    """A page of functions by name.

    `MasterRegion`: functions have no replicas elsewhere, so those of another region are none.

    Raises: InvalidParameterValueException (marker). AWS: ListFunctions.
    """
    every_version = req.get("FunctionVersion") == "ALL"
    after = rules.key_of_marker(req.get("Marker"))
    size = min(req.get("MaxItems", limits.PAGE_MAX), limits.PAGE_MAX)
    if req.get("MasterRegion", "ALL") not in ("ALL", call.region):
        return {"Functions": []}
    page, more = await call.view(
        lambda at: paging.page_of(
            versions.listed(call.scope, at, after, every_version=every_version), size
        )
    )
    await sealing.tell(call, call.scope, [(one.told, one.configuration) for one in page])
    result: ListFunctionsResponse = {"Functions": [one.told for one in page]}
    if more:
        result["NextMarker"] = paging.token_of(page[-1].key)
    return result


@lambda_.stream("UpdateFunctionConfiguration")
async def update_function_configuration(
    call: Call, req: WatchedRequest, body: Body
) -> FunctionConfiguration:
    """Change what a function runs with; environments of the old configuration take no new invocations.

    Raises: ResourceNotFoundException, InvalidParameterValueException, PreconditionFailedException,
        ValidationException, AccessDeniedException (a role of another account), NotBuilt.
    AWS: UpdateFunctionConfiguration.
    """
    name = access.unqualified(call, req["FunctionName"])
    role = req.get("Role")
    layer_arns = list(req["Layers"]) if "Layers" in req else None
    revision_id, updating_id = call.entropy.uuid(), call.entropy.uuid()

    def configured(at: Snapshot) -> tuple[Function, Configuration]:
        function = records.get_function(at, name)
        rules.check_revision(req.get("RevisionId"), function.latest)
        rules.check_layer_arns(name.scope, layer_arns or ())
        latest = rules.configure(
            function.latest, req, None, now_ms=call.now_ms, revision_id=revision_id
        )
        rules.check_role(name.scope, latest.role)
        return function, latest

    viewed, wanted = await call.view(configured)
    given = "Environment" in req
    keyed = sealing.is_changed(viewed.latest, wanted, given=given)
    refuse_unread(lambda_.operations["UpdateFunctionConfiguration"], req)
    if role is not None:
        await _check_assumable(call, name, role)
    if "DeadLetterConfig" in req:
        await checks.check_dead_letter(call, name, wanted)

    def update(tx: Transaction, wanted: Configuration) -> Function:
        function, latest = configured(tx)
        if keyed:
            _refuse_changed(name, viewed, function)
            latest = msgspec.structs.replace(
                latest, environment=wanted.environment, sealed=wanted.sealed
            )
            home = records.function_home(name.scope, name.name)
            kept = (latest, *records.versions.scan(tx, home))
            sealing.release_unused(tx, name, [function.latest], kept, now_ms=call.now_ms)
        if layer_arns:
            code_signing.check_code(tx, name.scope, name.name, function.signing)
        if layer_arns is not None:
            uses = packages.use_layers(call, tx, name.scope, layer_arns)
            for use in function.latest.layers:
                packages.drop(call.cloud, tx, use.package)
            latest = msgspec.structs.replace(latest, layers=uses)
            rules.check_unzipped(latest)
        changed = msgspec.structs.replace(function, latest=latest)
        records.put_function(tx, name.scope, changed)
        return changed

    async with _sealed(call, name, viewed.latest, wanted, given=given) as wanted:
        changed = await call.transact(lambda tx: update(tx, wanted))
    runner_of(call.cloud).preparing.begin(changed.latest)
    result = describing.described_updating(
        name.scope, changed, changed.latest, revision_id=updating_id
    )
    await sealing.tell(call, name.scope, [(result, changed.latest)])
    return result


def _refuse_changed(name: FunctionName, viewed: Function, function: Function) -> None:
    """What was encrypted or decrypted was that of another revision. Raises: ResourceConflictException."""
    if function.latest.revision_id != viewed.latest.revision_id:
        raise errors.ResourceConflictException(
            detail="The operation cannot be performed at this time."
            f" An update is in progress for resource: {name.arn}"
        )


@lambda_.write("DeleteFunction")
def delete_function(
    call: Call, tx: Transaction, req: DeleteFunctionRequest
) -> DeleteFunctionResponse:
    """Delete a function with all that belongs to it, or one version of it.

    Raises: ResourceNotFoundException, InvalidParameterValueException ($LATEST alone, an alias),
        ResourceConflictException (an alias needs the version).
    AWS: DeleteFunction.
    """
    name = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    if name.qualifier == names.LATEST:
        raise errors.InvalidParameterValueException(
            detail="$LATEST version cannot be deleted without deleting the function."
        )
    if name.qualifier is not None and not name.qualifier.isdecimal() and name.qualifier[0] != "$":
        raise errors.InvalidParameterValueException(
            detail="Deletion of aliases is not currently supported."
        )
    function = records.get_function(tx, FunctionName(name.scope, name.name))
    if name.qualifier is not None:
        versions.delete(call, tx, name)
    else:
        home = records.function_home(name.scope, name.name)
        gone = [function.latest, *records.versions.scan(tx, home)]
        for configuration in gone:
            packages.drop_all(call.cloud, tx, configuration)
        sealing.release_unused(tx, name, gone, (), now_ms=call.now_ms)
        records.delete_function(tx, name.scope, name.name)
        tx.wake(provisioned.TOPIC)
    result: dict[str, Any] = {"StatusCode": 204}
    return result  # pyright: ignore[reportReturnType] (the generated type may lack the status member)
