"""How others deliver to functions: each delivery becomes an asynchronous invocation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilvi.base.arn import Arn
from pilvi.contracts.delivery import Commit, Delivery, Undeliverable
from pilvi.services.lambda_ import access, limits, names, records
from pilvi.services.lambda_.errors import LambdaError
from pilvi.services.lambda_.records import Accepted
from pilvi.services.lambda_.service import lambda_
from pilvi.store.api import Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


@lambda_.targets
async def deliver(cloud: Cloud, delivery: Delivery) -> Commit:
    """Accept the payload as an event of the function, if its policy lets the source invoke it.

    The event is stored in the transaction that ends the delivery, under the delivery's id.
    Raises: Undeliverable: no such function, not permitted, too large.
    AWS: Lambda Developer Guide, "Working with resource-based IAM policies in Lambda".
    """
    arn = Arn.parse(delivery.arn)
    try:
        name = names.parse_function(arn.scope, delivery.arn)
        await cloud.store.read(lambda at: records.resolve(at, name))
    except LambdaError as error:
        raise Undeliverable(error.text) from None
    if not await access.lets_in(cloud, name, delivery.source):
        raise Undeliverable(
            f"the policy of {delivery.arn} does not permit {delivery.source.service}"
            f" for {delivery.source.arn} to invoke it"
        )
    if len(delivery.payload) > limits.ASYNC_PAYLOAD_BYTES_MAX:
        raise Undeliverable(f"the event is larger than {limits.ASYNC_PAYLOAD_BYTES_MAX} bytes")
    event = Accepted(
        name=name.name,
        qualifier=name.qualifier,
        payload=delivery.payload,
        request_id=cloud.entropy.uuid(),
        accepted_ms=cloud.clock.now_ms(),
    )

    def accept(tx: Transaction) -> None:
        records.accept(tx, name.scope, event, unique_id=delivery.id)

    return accept
