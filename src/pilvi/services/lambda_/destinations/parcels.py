"""Sending what is told of an invocation to where the function's owner wants it: a queue, a function, a bucket.

A parcel is a job, written in the transaction that ends the invocation. It is sent through the API of the service
that it goes to, in the name of the function's execution role; at least once.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pilvi.base.arn import Arn, Scope
from pilvi.base.errors import AwsError
from pilvi.base.http import Body
from pilvi.contracts.causes import Cause
from pilvi.contracts.delivery import Undeliverable
from pilvi.contracts.jobs import Job, Retry
from pilvi.identity.principal import Principal
from pilvi.kit.permission import permit
from pilvi.services.lambda_ import access, acting, limits
from pilvi.services.lambda_.accepting import accept_event
from pilvi.services.lambda_.service import lambda_
from pilvi.store.api import Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """`arn`: where it goes. `function_arn`: who sends it, unqualified. `attributes`: of a message, each (type, value).
    `name`: ends the key of an object, `folder` begins it; without one, it is where those of invocations are.
    `trace_id`: of the invocation that it tells of."""

    arn: str
    body: bytes
    function_arn: str
    role: str
    name: str
    at_ms: int
    attributes: dict[str, tuple[str, str]] = {}
    trace_id: str | None = None
    folder: str | None = None


def send_later(tx: Transaction, parcel: Parcel, *, unique_id: str) -> None:
    """Send a parcel; once per `unique_id`, however often it is asked for."""
    sender = Arn.parse(parcel.function_arn)
    job = Job(
        kind="lambda.send",
        payload=msgspec.msgpack.encode(parcel),
        id=f"lambda.send/{unique_id}",
        account=sender.account,
        region=sender.region,
    )
    tx.at(parcel.at_ms, job)


@lambda_.job("send", retry=Retry(attempts_max=limits.SEND_ATTEMPTS_MAX, delay_s_max=60.0))
async def send(cloud: Cloud, job: Job) -> None:
    """Raises: Undeliverable: the role may not, there is no such target; whatever may pass is tried again."""
    parcel = msgspec.msgpack.decode(job.payload, type=Parcel)
    arn = Arn.parse(parcel.arn)
    way = WAYS.get(arn.service)
    if way is None:
        raise Undeliverable(f"nothing of Lambda is sent to {arn.service}")
    try:
        role = await acting.execution_role(cloud, parcel.role, parcel.function_arn)
        cause = Cause(job.cause.request_id, parent=job.id)
        await way.send(_Sending(cloud, parcel, arn, role, cause))
    except AwsError as error:
        if (error.status >= 500 and error.status != 501) or error.status == 429:
            raise
        raise Undeliverable(f"{error.code}: {error.text}") from None


# --- the ways


class _Sending(NamedTuple):
    cloud: Cloud
    parcel: Parcel
    arn: Arn
    role: Principal
    cause: Cause

    async def perform(
        self, operation: str, params: dict[str, Any], *, body: bytes | None = None
    ) -> None:
        """An operation of the service that the parcel goes to."""
        region = self.arn.region or Arn.parse(self.parcel.function_arn).region
        await self.cloud.perform(
            self.arn.service,
            operation,
            params,
            scope=Scope(self.role.account, region, self.arn.partition),
            principal=self.role,
            cause=self.cause,
            body=None if body is None else _pieces(body),
        )


async def _send_message(sending: _Sending) -> None:
    cloud, parcel, arn, _, _ = sending
    message: dict[str, Any] = {
        "QueueUrl": f"{cloud.settings.external_url}/{arn.account}/{arn.resource}",
        "MessageBody": parcel.body.decode(errors="replace"),
    }
    if parcel.attributes:
        message["MessageAttributes"] = {
            name: {"DataType": kind, "StringValue": value}
            for name, (kind, value) in parcel.attributes.items()
        }
    if parcel.trace_id:
        trace = {"DataType": "String", "StringValue": parcel.trace_id}
        message["MessageSystemAttributes"] = {"AWSTraceHeader": trace}
    await sending.perform("SendMessage", message)


async def _invoke(sending: _Sending) -> None:
    """As Invoke does for an event, but with the trace of the invocation that is told of: a loop must be seen."""
    cloud, parcel, arn, role, cause = sending
    call = cloud.call(
        cloud.operation("lambda", "Invoke"),
        scope=Scope(role.account, arn.region, arn.partition),
        principal=role,
        request_id=cause.request_id,
        parent=cause.parent,
    )
    await permit(call, cloud.operation("lambda", "Invoke"), {"FunctionName": parcel.arn})
    asked = access.function_named(call, parcel.arn)
    await accept_event(call, asked, parcel.body, client_context=None, trace_id=parcel.trace_id)


async def _put_object(sending: _Sending) -> None:
    parcel = sending.parcel
    moment = time.gmtime(parcel.at_ms // 1000)
    folder = parcel.folder
    if folder is None:
        folder = f"aws/lambda/async/{parcel.function_arn.rpartition(':')[2]}"
    key = time.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S", moment) + f"-{parcel.name}"
    request = {
        "Bucket": sending.arn.resource,
        "Key": f"{folder}/{key}",
        "ContentLength": len(parcel.body),
    }
    await sending.perform("PutObject", request, body=parcel.body)


async def _pieces(body: bytes) -> Body:
    yield body


class Way(NamedTuple):
    """`action`: the permission that the function's role needs. `size_max`: of what is sent, in bytes."""

    action: str
    size_max: int
    send: Callable[[_Sending], Awaitable[None]]


WAYS = {
    "sqs": Way("sqs:SendMessage", limits.MESSAGE_BYTES_MAX, _send_message),
    "lambda": Way("lambda:InvokeFunction", limits.ASYNC_PAYLOAD_BYTES_MAX, _invoke),
    "s3": Way("s3:PutObject", limits.RECORD_BYTES_MAX, _put_object),
}
"""By the service that a destination's ARN names."""
