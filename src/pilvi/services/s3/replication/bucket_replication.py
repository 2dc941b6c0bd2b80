"""The replication configuration of a bucket."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, integrity
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import ENABLED
from pilvi.services.s3.replication import records, rules
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    DeleteBucketReplicationRequest,
    GetBucketReplicationOutput,
    GetBucketReplicationRequest,
    PutBucketReplicationRequest,
)
from pilvi.store.api import Snapshot, Transaction

_UNVERSIONED = "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
_DESTINATION_UNVERSIONED = "Destination bucket must have versioning enabled."


@s3.write("PutBucketReplication")
def put_bucket_replication(
    call: Call, tx: Transaction, req: PutBucketReplicationRequest
) -> dict[str, Any]:
    """Replicate what is written from now on; what is there already is not.

    Whether the role may be assumed and what it may is found out when it is used, and so is whether the destination has
    object lock, where the source has it.

    Raises: InvalidRequest (versioning is off, here or there, or the rules contradict each other), InvalidArgument,
        MalformedXML. AWS: PutBucketReplication; User Guide, "Replication configuration file elements".
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    if bucket.versioning != ENABLED:
        raise errors.InvalidRequest(detail=_UNVERSIONED)
    given = rules.configuration_of(req["ReplicationConfiguration"], bucket, call.entropy.uuid)
    for name in dict.fromkeys(rule.destination for rule in given.rules):
        destination = buckets.find_bucket(tx, name)
        if destination is None or destination.versioning != ENABLED:
            raise errors.InvalidRequest(detail=_DESTINATION_UNVERSIONED)
    records.put_configuration(tx, bucket, given)
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, replicates=True))
    return {}


@s3.read("GetBucketReplication")
def get_bucket_replication(
    call: Call, at: Snapshot, req: GetBucketReplicationRequest
) -> GetBucketReplicationOutput:
    """Raises: ReplicationConfigurationNotFoundError. AWS: GetBucketReplication."""
    bucket = access.admit(call, at, req)
    found = records.find_configuration(at, bucket)
    if found is None:
        raise errors.ReplicationConfigurationNotFoundError(bucket.name)
    told = {"ReplicationConfiguration": rules.described(found)}
    return cast("GetBucketReplicationOutput", told)


@s3.write("DeleteBucketReplication")
def delete_bucket_replication(
    call: Call, tx: Transaction, req: DeleteBucketReplicationRequest
) -> dict[str, Any]:
    """What waits fails for want of a configuration; replicas stay. AWS: DeleteBucketReplication."""
    bucket = access.admit(call, tx, req)
    if bucket.replicates:
        records.delete_configuration(tx, bucket)
        buckets.put_bucket(tx, msgspec.structs.replace(bucket, replicates=False))
    return {}
