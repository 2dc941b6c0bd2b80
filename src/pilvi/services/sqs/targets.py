"""How others deliver to queues: each delivery becomes a message, if the queue's policy lets the source in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilvi.base.errors import AwsError
from pilvi.contracts.delivery import Commit, Delivery, Undeliverable
from pilvi.contracts.keys import service_itself
from pilvi.services.sqs import access, names, records, sealing
from pilvi.services.sqs.posting import post
from pilvi.services.sqs.rules import messages
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.storage.stock import Stock
from pilvi.store.api import Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


@sqs.targets
async def deliver(cloud: Cloud, delivery: Delivery) -> Commit:
    """The message is stored in the transaction that ends the delivery.

    A FIFO queue wants a group for each message, which a delivery does not name.
    Raises: Undeliverable: no such queue, not permitted, a FIFO queue, too large, no use of its key.
    """
    name = names.parse_arn(delivery.arn)
    queue = (
        None if name is None else await cloud.store.read(lambda at: records.find_queue(at, name))
    )
    if name is None or queue is None:
        raise Undeliverable(f"there is no queue {delivery.arn}")
    source = delivery.source
    if not await access.lets_in(cloud, name, source):
        raise Undeliverable(
            f"the policy of {delivery.arn} does not permit {source.service} for {source.arn}"
            " to send to it"
        )
    try:
        draft = messages.draft(queue, {"MessageBody": delivery.payload.decode("utf-8", "replace")})
        seal = None
        if queue.key:
            by = service_itself(source.service.partition(".")[0], name.scope, source_arn=source.arn)
            seal = await sealing.seal_for(cloud, queue, by)
    except AwsError as error:
        raise Undeliverable(error.text) from None
    id = cloud.entropy.uuid()

    def accept(tx: Transaction) -> None:
        there = records.find_queue(tx, name)
        if there is None:
            return  # deleted in this moment: the message went with it
        sealing.check(there, seal)
        stock = Stock(tx, there, cloud.clock.now_ms())
        post(stock, draft, id=id, sender=source.account or source.service, seal=seal)
        stock.save()

    return accept
