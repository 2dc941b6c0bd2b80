"""Looking at a destination when somebody configures it: is there such a thing, and may the function's role use it.

Differs: topics of SNS and buses of EventBridge are refused by name until they exist.
"""

from __future__ import annotations

from typing import Any

from pilvi.base.arn import Arn, Scope
from pilvi.base.errors import AwsError, NotBuilt
from pilvi.identity.principal import root_of
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission, may
from pilvi.services.lambda_ import acting, errors, names, records
from pilvi.services.lambda_.destinations.parcels import WAYS
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.records import Configuration

_ON_AWS = frozenset({"sqs", "sns", "lambda", "events", "s3"})
_ONLY_FAILURES = frozenset({"s3"})


def check_kinds(success: str | None, failure: str | None) -> None:
    """Whether both are of services that take such records. Raises: InvalidParameterValueException."""
    for arn, of_failure in ((success, False), (failure, True)):
        if not arn:
            continue
        service = _service_of(arn)
        if service not in _ON_AWS or (service in _ONLY_FAILURES and not of_failure):
            told = ", ".join((_told("OnSuccess", success), _told("OnFailure", failure)))
            raise errors.InvalidParameterValueException(
                detail=f"The provided destination config DestinationConfig({told}) is invalid."
            )


def _told(which: str, arn: str | None) -> str:
    member = which[0].lower() + which[1:]
    return f"{member}={which}(destination={arn})" if arn else f"{member}=null"


def _service_of(arn: str) -> str:
    return arn.split(":", 3)[2] if arn.count(":") > 2 else ""


async def check_destination(call: Call, name: FunctionName, role: str, text: str) -> None:
    """Whether a function, in the name of its role, can tell a destination.

    Raises: InvalidParameterValueException, NotBuilt.
    """
    service = _service_of(text)
    way = WAYS.get(service)
    if way is None:
        raise NotBuilt(what=f"destinations of the service {service}")
    try:
        arn = Arn.parse(text)
    except ValueError:
        raise _invalid(text) from None
    if service == "lambda" and _is_own(name, text):
        raise errors.InvalidParameterValueException(
            detail="You can't specify the function as a destination for itself."
        )
    await _check_existing(call, arn, text)
    resource = f"{text}/*" if service == "s3" else text
    if not await _role_may(call, name, role, Permission(way.action, (resource,))):
        raise errors.InvalidParameterValueException(
            detail=f"The function's execution role does not have permissions to call"
            f" {_operation(way.action)} on {text}"
        )


async def check_dead_letter(call: Call, name: FunctionName, configuration: Configuration) -> None:
    """Whether a function can send its dead letters.

    Raises: InvalidParameterValueException, NotBuilt (topics of SNS).
    """
    text = configuration.settings.dead_letter_arn
    if text is None:
        return
    arn = Arn.parse(text)
    if arn.service not in WAYS:
        raise NotBuilt(what=f"dead-letter targets of the service {arn.service}")
    asked = Permission("sqs:SendMessage", (text,))
    if not await _role_may(call, name, configuration.role, asked):
        raise errors.InvalidParameterValueException(
            detail="The provided execution role does not have permissions to call SendMessage on SQS"
        )


def _invalid(text: str) -> AwsError:
    return errors.InvalidParameterValueException(detail=f"The destination ARN {text} is invalid.")


def _operation(action: str) -> str:
    operation = action.partition(":")[2]
    return "Invoke" if operation == "InvokeFunction" else operation


def _is_own(name: FunctionName, text: str) -> bool:
    try:
        return names.parse_function(name.scope, text).arn == name.arn
    except AwsError:
        return False


async def _role_may(call: Call, name: FunctionName, role: str, asked: Permission) -> bool:
    try:
        principal = await acting.execution_role(call.cloud, role, name.arn)
    except errors.RoleNotAssumed:
        return False
    as_role = Call(
        cloud=call.cloud,
        service="lambda",
        operation=call.operation,
        scope=name.scope,
        principal=principal,
        request_id=call.request_id,
        now_ms=call.now_ms,
    )
    return await may(as_role, asked)


async def _check_existing(call: Call, arn: Arn, text: str) -> None:
    """Raises: InvalidParameterValueException."""
    match arn.service:
        case "lambda":
            try:
                there = names.parse_function(arn.scope, text)
                await call.view(lambda at: records.resolve(at, there))
            except AwsError:
                raise _invalid(text) from None
        case "sqs":
            if arn.resource.endswith(".fifo"):
                raise _invalid(text)
            await _ask(call, arn, text, "GetQueueUrl", {"QueueName": arn.resource})
        case _:
            await _ask(call, arn, text, "HeadBucket", {"Bucket": arn.resource})


async def _ask(call: Call, arn: Arn, text: str, operation: str, params: dict[str, Any]) -> None:
    """As the owner: whether the role may is asked for itself. Raises: InvalidParameterValueException."""
    account = arn.account or call.account
    scope = Scope(account, arn.region or call.region, arn.partition)
    try:
        await call.cloud.perform(
            arn.service,
            operation,
            params,
            scope=scope,
            principal=root_of(account, ""),
            cause=call.cause,
        )
    except AwsError as error:
        if error.status >= 500:
            raise
        raise _invalid(text) from None
