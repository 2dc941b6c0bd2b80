"""Code of functions: replace the package."""

from __future__ import annotations

import msgspec

from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.lambda_ import (
    access,
    code_signing,
    describing,
    errors,
    packages,
    records,
    rules,
    sealing,
)
from pilvi.services.lambda_.operations import versions
from pilvi.services.lambda_.questions import runner_of
from pilvi.services.lambda_.records import Configuration, Function
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import FunctionConfiguration
from pilvi.store.api import Snapshot, Transaction


@lambda_.stream("UpdateFunctionCode")
@packages.few_at_once
async def update_function_code(
    call: Call, req: WatchedRequest, body: Body
) -> FunctionConfiguration:
    """Replace a function's package; with DryRun only check it, and tell what the function would be.

    Raises: ResourceNotFoundException, InvalidParameterValueException, PreconditionFailedException,
        RequestEntityTooLargeException, CodeVerificationFailedException.
    AWS: UpdateFunctionCode.
    """
    name = access.unqualified(call, req["FunctionName"])
    asked_revision = req.get("RevisionId")
    architectures = req.get("Architectures")
    dry_run, publish = req.get("DryRun", False), req.get("Publish", False)
    updating_id, revision_id = call.entropy.uuid(), call.entropy.uuid()

    def found(at: Snapshot) -> Function:
        function = records.get_function(at, name)
        rules.check_revision(asked_revision, function.latest)
        return function

    def changed(at: Snapshot) -> Function:
        function = found(at)
        latest = msgspec.structs.replace(
            function.latest,
            architecture=architectures[0] if architectures else function.latest.architecture,
            modified_ms=call.now_ms,
            revision_id=revision_id,
        )
        return msgspec.structs.replace(function, latest=latest)

    function = await call.view(found)
    if req.get("ImageUri"):
        raise errors.InvalidParameterValueException(
            detail="Please don't provide ImageUri when updating a function with packageType Zip."
        )
    zipped = await packages.read_code(call, req)
    refuse_unread(lambda_.operations["UpdateFunctionCode"], req)
    if dry_run:
        package = packages.unsaved(zipped)
        await packages.check(call.cloud, package, zipped)
        latest = msgspec.structs.replace(function.latest, package=package)
        result = describing.described_active(name.scope, function, latest)
        await sealing.tell(call, name.scope, [(result, latest)])
        return result
    async with packages.saved(call, zipped) as saved:

        def update(tx: Transaction) -> tuple[Function, Configuration | None]:
            function = changed(tx)
            code_signing.check_code(tx, name.scope, name.name, function.signing)
            packages.drop(call.cloud, tx, function.latest.package)
            latest = msgspec.structs.replace(function.latest, package=saved.keep(tx))
            rules.check_unzipped(latest)
            function = msgspec.structs.replace(function, latest=latest)
            records.put_function(tx, name.scope, function)
            if publish:
                return versions.publish(call, tx, name.scope, function, description=None)
            return function, None

        function, version = await call.transact(update)
    if version is not None:
        runner_of(call.cloud).preparing.begin_version(name.scope, function, version)
        result = describing.described_publishing(name.scope, function, version)
    else:
        result = describing.described_updating(
            name.scope, function, function.latest, revision_id=updating_id
        )
    await sealing.tell(call, name.scope, [(result, function.latest)])
    return result
