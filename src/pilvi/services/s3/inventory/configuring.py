"""Inventory configurations. AWS: S3 User Guide, "Configuring Amazon S3 Inventory"."""

from __future__ import annotations

from typing import Any

from pilvi.kit.call import Call
from pilvi.services.s3 import access
from pilvi.services.s3.inventory import records
from pilvi.services.s3.operations import bucket_configurations as shared
from pilvi.services.s3.rules import inventories
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    DeleteBucketInventoryConfigurationRequest,
    GetBucketInventoryConfigurationOutput,
    GetBucketInventoryConfigurationRequest,
    ListBucketInventoryConfigurationsOutput,
    ListBucketInventoryConfigurationsRequest,
    PutBucketInventoryConfigurationRequest,
)
from pilvi.store.api import Snapshot, Transaction

KIND = "inventory"


@s3.write("PutBucketInventoryConfiguration")
def put_bucket_inventory_configuration(
    call: Call, tx: Transaction, req: PutBucketInventoryConfigurationRequest
) -> dict[str, Any]:
    """Keep a configuration; the first inventory is made at the next midnight (UTC). One that is being made is given up.

    Raises: MalformedXML, IdMismatch, InvalidConfigurationId, InvalidS3DestinationBucket, TooManyConfigurations,
        NotBuilt (ORC). AWS: PutBucketInventoryConfiguration.
    """
    document = inventories.kept(req["Id"], req["InventoryConfiguration"])
    result = shared.put(call, tx, req, KIND, document)
    bucket = access.admit(call, tx, req)
    records.delete(tx, bucket, req["Id"])
    if document["IsEnabled"]:
        due_ms = inventories.next_ms(document, call.now_ms, first=True)
        records.schedule(tx, bucket, req["Id"], due_ms)
    return result


@s3.read("GetBucketInventoryConfiguration")
def get_bucket_inventory_configuration(
    call: Call, at: Snapshot, req: GetBucketInventoryConfigurationRequest
) -> GetBucketInventoryConfigurationOutput:
    """Raises: NoSuchConfiguration. AWS: GetBucketInventoryConfiguration."""
    return {"InventoryConfiguration": shared.get(call, at, req, KIND)}


@s3.read("ListBucketInventoryConfigurations")
def list_bucket_inventory_configurations(
    call: Call, at: Snapshot, req: ListBucketInventoryConfigurationsRequest
) -> ListBucketInventoryConfigurationsOutput:
    """A page of 100, by id. AWS: ListBucketInventoryConfigurations."""
    return shared.page(call, at, req, KIND, "InventoryConfigurationList")


@s3.write("DeleteBucketInventoryConfiguration")
def delete_bucket_inventory_configuration(
    call: Call, tx: Transaction, req: DeleteBucketInventoryConfigurationRequest
) -> dict[str, Any]:
    """One that is being made is given up. Raises: NoSuchConfiguration. AWS: DeleteBucketInventoryConfiguration."""
    result = shared.delete(call, tx, req, KIND)
    records.delete(tx, access.admit(call, tx, req), req["Id"])
    return result
