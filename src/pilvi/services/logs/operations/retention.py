"""Retention policies: how long a group's events are kept."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.logs import errors, limits, records
from pilvi.services.logs.service import logs
from pilvi.services.logs.wire import DeleteRetentionPolicyRequest, PutRetentionPolicyRequest
from pilvi.store.api import Transaction


@logs.write("PutRetentionPolicy")
def put_retention_policy(
    call: Call, tx: Transaction, req: PutRetentionPolicyRequest
) -> dict[str, object]:
    """Let a group's events expire after so many days.

    Readers stop seeing an event at the instant it expires; a job then frees its space.

    Raises: ResourceNotFoundException, InvalidParameterException. AWS: PutRetentionPolicy.
    """
    group = records.get_group(tx, call.scope, req["logGroupName"])
    days = req["retentionInDays"]
    if days not in limits.RETENTION_DAYS:
        allowed = ", ".join(str(one) for one in limits.RETENTION_DAYS)
        raise errors.InvalidParameterException(
            detail=f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to"
            f" satisfy constraint: Member must satisfy enum value set: [{allowed}]"
        )
    changed = msgspec.structs.replace(group, retention_days=days)
    records.put_group(tx, call.scope, changed)
    records.schedule_expiry(tx, call.scope, group.name, due_ms=call.now_ms)
    return {}


@logs.write("DeleteRetentionPolicy")
def delete_retention_policy(
    call: Call, tx: Transaction, req: DeleteRetentionPolicyRequest
) -> dict[str, object]:
    """Keep a group's events for ever.

    Raises: ResourceNotFoundException. AWS: DeleteRetentionPolicy.
    """
    group = records.get_group(tx, call.scope, req["logGroupName"])
    changed = msgspec.structs.replace(group, retention_days=None)
    records.put_group(tx, call.scope, changed)
    return {}
