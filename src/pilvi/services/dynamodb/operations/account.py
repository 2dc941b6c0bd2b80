"""What holds for the whole account: limits and endpoints."""

from __future__ import annotations

from typing import Any

from pilvi.kit.call import Call
from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.health import tell_health
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.wire import DescribeLimitsOutput
from pilvi.store.api import Snapshot

_ENDPOINT_LIFE_MINUTES = 1440

dynamodb.endpoint("health")(tell_health)


@dynamodb.read("DescribeLimits")
def describe_limits(call: Call, at: Snapshot, req: dict[str, Any]) -> DescribeLimitsOutput:
    """AWS's default quotas; nothing here is throttled by them. AWS: DescribeLimits."""
    return {
        "AccountMaxReadCapacityUnits": limits.READ_UNITS_PER_ACCOUNT,
        "AccountMaxWriteCapacityUnits": limits.WRITE_UNITS_PER_ACCOUNT,
        "TableMaxReadCapacityUnits": limits.READ_UNITS_PER_TABLE,
        "TableMaxWriteCapacityUnits": limits.WRITE_UNITS_PER_TABLE,
    }


@dynamodb.read("DescribeEndpoints")
def describe_endpoints(call: Call, at: Snapshot, req: dict[str, Any]) -> dict[str, Any]:
    """The endpoint that the caller uses already. AWS: DescribeEndpoints."""
    return {
        "Endpoints": [
            {
                "Address": call.cloud.settings.external_host,
                "CachePeriodInMinutes": _ENDPOINT_LIFE_MINUTES,
            }
        ]
    }
