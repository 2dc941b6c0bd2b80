"""SelectObjectContent."""

from __future__ import annotations

from typing import cast
from weakref import WeakKeyDictionary

from pilvi.base.http import Body
from pilvi.compute.queries.process import Places, RunningQuery, TooManyQueries
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.services.s3 import access, asked
from pilvi.services.s3.encryption.keys import Unlocked, check_customer
from pilvi.services.s3.rules import archives, encryption
from pilvi.services.s3.select import errors, orders
from pilvi.services.s3.select.answering import SILENCE_S, Answer
from pilvi.services.s3.select.source import Large, Small, hold
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import SelectObjectContentOutput, SelectObjectContentRequest
from pilvi.store.api import Snapshot

_UNSUPPORTED_CLASSES = frozenset({"REDUCED_REDUNDANCY"})
_PLACES: WeakKeyDictionary[Cloud, Places] = WeakKeyDictionary()


@s3.stream("SelectObjectContent")
async def select_object_content(
    call: Call, req: SelectObjectContentRequest, body: Body
) -> SelectObjectContentOutput:
    """Filter the records of one object with an SQL expression, and stream those that pass.

    Raises: NoSuchBucket, NoSuchKey, AccessDenied, InvalidObjectState, UnsupportedStorageClass, UnauthorizedAccess
        (nobody in particular asks), Busy, and all of S3 Select's own errors, before the stream or inside it.
    AWS: SelectObjectContent; User Guide, "Querying data in place with Amazon S3 Select".
    """
    if not call.principal.authenticated and not call.principal.service:
        raise errors.UnauthorizedAccess()
    if call.request is not None and "range" in call.request.headers:
        raise errors.UnsupportedRangeHeader()
    order = orders.ordered(req)
    unlocked = Unlocked(call, encryption.customer_key(req))

    def look(at: Snapshot) -> Small | Large:
        bucket = access.admit(call, at, req)
        stored = asked.get(call, at, bucket, req)
        check_customer(stored.encryption, unlocked.customer)
        archives.check_readable(stored, call.now_ms)
        if stored.storage_class in _UNSUPPORTED_CLASSES:
            raise errors.UnsupportedStorageClass()
        order.plan(
            stored.size, call.now_ms
        )  # what is wrong with it is said before anything is held
        return hold(call, at, bucket, stored, unlocked)

    source = await unlocked.view(look)
    plan = order.plan(source.size, call.now_ms)
    try:
        query = await RunningQuery.start(plan, source, _places(call.cloud), silence_s=SILENCE_S)
    except TooManyQueries:
        raise errors.Busy() from None
    answer = Answer(query, progress=order.progress)
    try:
        await answer.begin()
    except BaseException:
        await answer.aclose()
        raise
    return cast("SelectObjectContentOutput", {"Payload": answer})


def _places(cloud: Cloud) -> Places:
    found = _PLACES.get(cloud)
    if found is None:
        found = _PLACES[cloud] = Places()
    return found
