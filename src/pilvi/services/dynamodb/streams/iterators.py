"""Shard iterators: the stream's ARN in clear, by which permission is judged, and a position in one of its shards.

They are no secret and no proof: whoever makes one up reads only what the stream's own permission lets them read.
"""

from __future__ import annotations

from typing import NamedTuple

from pilvi.kit.paging import key_of, token_of
from pilvi.services.dynamodb.errors import invalid


class Iterator(NamedTuple):
    """`number`: of the next record to be read. `at_ms`: when the iterator was made."""

    arn: str
    shard: int
    number: int
    at_ms: int

    @property
    def text(self) -> str:
        return f"{self.arn}|1|{token_of((self.shard, self.number, self.at_ms))}"


def arn_in(text: str) -> str:
    """The ARN of an iterator; of any other text, what stands where the ARN would."""
    return text.partition("|")[0]


def parse(text: str) -> Iterator:
    """Raises: ValidationException."""
    arn, _, rest = text.partition("|1|")
    try:
        shard, number, at_ms = key_of(rest)
    except ValueError:
        raise invalid("Invalid ShardIterator") from None
    if not (isinstance(shard, int) and isinstance(number, int) and isinstance(at_ms, int)):
        raise invalid("Invalid ShardIterator")
    if shard < 0 or number < 0:
        raise invalid("Invalid ShardIterator")
    return Iterator(arn, shard, number, at_ms)
