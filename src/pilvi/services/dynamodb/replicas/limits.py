"""Bounds of replication. AWS: DynamoDB Developer Guide, "Global tables"."""

from __future__ import annotations

from typing import Final

STEP_CHANGES = 100
STEP_BYTES = 2 * 1024 * 1024
"""So many changes, or bytes of items, one step of a lane applies in one transaction."""
SEED_ITEMS = 500
"""So many items one step of filling a replica copies, or STEP_BYTES of them."""
LANES_PER_REGION = 4
"""Lanes of the dispatcher for each region that is replicated to; tables share them."""

SOURCE_MS = 24 * 60 * 60 * 1000
"""So long a replica cannot be deleted after it was the source of another one."""
TOMBSTONE_MS = 24 * 60 * 60 * 1000
TOMBSTONES_TOGETHER_MS = 60 * 60 * 1000
"""Tombstones of the same hour are cleared away by one job."""
STEP_TOMBSTONES = 500

REGIONS: Final[dict[str, tuple[str, ...]]] = {
    "aws": (
        *("af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2"),
        *("ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2"),
        *("ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6"),
        *("ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2"),
        *("eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3"),
        *("il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1"),
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    ),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
    "aws-us-gov": ("us-gov-east-1", "us-gov-west-1"),
}
"""Where replicas can be, for each partition."""
