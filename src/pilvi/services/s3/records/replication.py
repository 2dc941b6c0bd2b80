"""What a version knows of its own replication."""

from __future__ import annotations

import msgspec

PENDING = "PENDING"
COMPLETED = "COMPLETED"
FAILED = "FAILED"
REPLICA = "REPLICA"


class Replication(msgspec.Struct, frozen=True, omit_defaults=True):
    """`replica`: it came here by replication. `to`: how far it is, by the name of each bucket that it goes to.
    `reason`: of what failed last, as AWS calls it."""

    replica: bool = False
    to: dict[str, str] = {}
    reason: str = ""

    @property
    def told(self) -> str:
        """As x-amz-replication-status: one that failed speaks for all, then one that waits.

        AWS: S3 User Guide, "Getting replication status information".
        """
        found = set(self.to.values())
        for status in (FAILED, PENDING):
            if status in found:
                return status
        return REPLICA if self.replica else COMPLETED

    @property
    def unfinished(self) -> bool:
        """It waits, or failed: lifecycle rules leave it alone, so that nothing is lost.

        AWS: S3 User Guide, "How S3 Lifecycle interacts with other bucket configurations".
        """
        return self.told in (PENDING, FAILED)

    def at(self, bucket: str, status: str, reason: str = "") -> Replication:
        return Replication(self.replica, {**self.to, bucket: status}, reason or self.reason)
