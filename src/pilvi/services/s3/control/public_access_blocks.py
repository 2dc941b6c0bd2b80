"""What an account says about public access to all its buckets.

AWS: S3 User Guide, "Blocking public access to your Amazon S3 storage".
"""

from __future__ import annotations

from typing import Any

from pilvi.kit.call import Call
from pilvi.services.s3 import errors
from pilvi.services.s3.control.service import account_of, s3control
from pilvi.services.s3.records import buckets
from pilvi.services.s3.rules import public_access
from pilvi.services.s3.wire_control import (
    DeletePublicAccessBlockRequest,
    GetPublicAccessBlockOutput,
    GetPublicAccessBlockRequest,
    PutPublicAccessBlockRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3control.read("GetPublicAccessBlock")
def get_public_access_block(
    call: Call, at: Snapshot, req: GetPublicAccessBlockRequest
) -> GetPublicAccessBlockOutput:
    """Raises: NoSuchPublicAccessBlockConfiguration, AccessDenied. AWS: GetPublicAccessBlock."""
    account = account_of(call, req)
    block = buckets.find_account_block(at, account)
    if block is None:
        raise errors.NoSuchAccountPublicAccessBlock(account)
    return {"PublicAccessBlockConfiguration": public_access.told(block)}


@s3control.write("PutPublicAccessBlock")
def put_public_access_block(
    call: Call, tx: Transaction, req: PutPublicAccessBlockRequest
) -> dict[str, Any]:
    """Block in all buckets of the account, whatever they say themselves. Settings that are not given are off.

    Raises: InvalidRequest (none is given), AccessDenied. AWS: PutPublicAccessBlock.
    """
    account = account_of(call, req)
    given = req["PublicAccessBlockConfiguration"]
    if all(given.get(name) is None for name in public_access.SETTINGS):
        raise errors.InvalidRequest(detail="Must specify at least one configuration.")
    buckets.put_account_block(tx, account, public_access.block_of(given))
    return {}


@s3control.write("DeletePublicAccessBlock")
def delete_public_access_block(
    call: Call, tx: Transaction, req: DeletePublicAccessBlockRequest
) -> dict[str, Any]:
    """Without effect where there is none. Raises: AccessDenied. AWS: DeletePublicAccessBlock."""
    buckets.put_account_block(tx, account_of(call, req), None)
    return {}
