"""Amazon Resource Names and the scope (partition, account, region) that they name.

AWS: IAM User Guide, "Identify AWS resources with Amazon Resource Names (ARNs)".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

GLOBAL_REGION = "aws-global"
"""The region under which services without regions (IAM, STS's global endpoint) keep their records."""


PARTITION = "aws"
"""The one that there is."""


class Scope(NamedTuple):
    """Whose records, and where: every key in the store begins with it."""

    account: str
    region: str
    partition: str = PARTITION

    @property
    def everywhere(self) -> Scope:
        """The same account without a region."""
        return Scope(self.account, GLOBAL_REGION, self.partition)


@dataclass(frozen=True, slots=True)
class Arn:
    service: str
    region: str
    account: str
    resource: str
    partition: str = "aws"

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Raises: ValueError when the text is no ARN."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2]:
            raise ValueError(f"not an ARN: {text!r}")
        _, partition, service, region, account, resource = parts
        return cls(service, region, account, resource, partition)

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region or GLOBAL_REGION, self.partition)
