"""Names of queues, their URLs and their ARNs.

A queue's URL is `<external url>/<account>/<name>`. Clients know pilvi by more than one address, so any URL means the
queue that its path names; of the query protocol also the path of the request itself. The region is that of the
signature; where there is none, the URL may tell it.
AWS: SQS Developer Guide, "Amazon SQS queue and message identifiers".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from pilvi.base.arn import Arn, Scope
from pilvi.kit.call import Call
from pilvi.services.sqs import errors

FIFO = ".fifo"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_REGION = r"[a-z]{2}(?:-[a-z]+)+-\d"
_PATH = re.compile(rf"/(?:queue/)?(?:{_REGION}/)?([0-9]{{12}})/([^/]+)/?")
_REGION_IN_URL = re.compile(rf"(?://sqs\.|//|/queue/)({_REGION})(?:\.|/)")


class QueueName(NamedTuple):
    scope: Scope
    name: str

    @property
    def arn(self) -> str:
        return (
            f"arn:{self.scope.partition}:sqs:{self.scope.region}:{self.scope.account}:{self.name}"
        )

    @property
    def is_fifo(self) -> bool:
        return self.name.endswith(FIFO)

    @property
    def topic(self) -> str:
        """What is woken when a message becomes available."""
        return f"sqs/{self.scope.account}/{self.scope.region}/{self.name}"


@lru_cache(maxsize=4096)
def _arn(queue: QueueName) -> str:
    scope, name = queue
    return f"arn:{scope.partition}:sqs:{scope.region}:{scope.account}:{name}"


_RULE = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
_FIFO_RULE = (
    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores,"
    " must end with .fifo suffix and be 1 to 80 in length."
)


def check_name(name: str, *, fifo: bool) -> None:
    """Raises: InvalidParameterValue."""
    plain = name.removesuffix(FIFO) if fifo else name
    if len(name) > 80 or not _NAME.fullmatch(plain) or (fifo and plain == name):
        raise errors.InvalidParameterValueException(detail=_FIFO_RULE if fifo else _RULE)


def url_of(call: Call, queue: QueueName) -> str:
    return f"{call.cloud.settings.external_url}/{queue.scope.account}/{queue.name}"


@lru_cache(maxsize=4096)
def _queue_at(url: str, region: str, partition: str) -> QueueName | None:
    """The same few URLs come again and again."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return None
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    return QueueName(Scope(found[1], region, partition), unquote(found[2]))


def _given_url(call: Call, req: Mapping[str, Any]) -> str:
    """The URL that is meant; "" where there is none."""
    url = req.get("QueueUrl")
    if url:
        return str(url)
    request = call.request
    if request is not None and _PATH.fullmatch(request.path):
        return request.path
    return ""


def _region(call: Call, url: str) -> str:
    """Nobody's requests are of no region of their own."""
    if call.principal.authenticated:
        return call.region
    if call.request is not None and url.startswith("/"):
        url = f"//{call.request.headers.get('host', '')}{url}"
    found = _REGION_IN_URL.search(url)
    return call.region if found is None else found[1]


def queue_asked(call: Call, req: Mapping[str, Any]) -> QueueName:
    """The queue that a request names. Raises: MissingParameter, InvalidAddress."""
    url = _given_url(call, req)
    if not url:
        raise errors.MissingRequiredParameterException(name="QueueUrl")
    found = _queue_at(url, _region(call, url), call.scope.partition)
    if found is None:
        raise errors.InvalidAddress(url=url)
    return found


def find_queue_asked(call: Call, req: Mapping[str, Any]) -> QueueName | None:
    """As `queue_asked`, for the permission step, which comes before all complaints."""
    url = _given_url(call, req)
    return _queue_at(url, _region(call, url), call.scope.partition)


@lru_cache(maxsize=4096)
def parse_arn(text: str) -> QueueName | None:
    """None for what is no queue's ARN."""
    try:
        arn = Arn.parse(text)
    except ValueError:
        return None
    if arn.service != "sqs" or not arn.region or not arn.account.isdigit() or not arn.resource:
        return None
    return QueueName(arn.scope, arn.resource)
