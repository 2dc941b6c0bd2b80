"""S3 Control: what an account says about all its buckets.

AWS: S3 Control API Reference; S3 User Guide, "Blocking public access to your Amazon S3 storage".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.service import Acts, Service, everything
from pilvi.services.s3 import errors, told
from pilvi.services.s3.records import buckets
from pilvi.services.s3.rules import public_access
from pilvi.services.s3.wire_control import (
    DeletePublicAccessBlockRequest,
    GetPublicAccessBlockOutput,
    GetPublicAccessBlockRequest,
    PutPublicAccessBlockRequest,
)
from pilvi.store.api import Snapshot, Transaction

ACTS = {
    "GetPublicAccessBlock": Acts(everything, "s3:GetAccountPublicAccessBlock"),
    "PutPublicAccessBlock": Acts(everything, "s3:PutAccountPublicAccessBlock"),
    "DeletePublicAccessBlock": Acts(everything, "s3:PutAccountPublicAccessBlock"),
}


async def _finish(cloud: Cloud, request: HttpRequest, response: HttpResponse) -> None:
    """Recorded: what was deleted is answered with 204, though the model does not say so."""
    if request.method == "DELETE" and response.status == 200:
        response.status = 204


s3control = Service("s3control", ACTS, prefix="s3", tells=told.tells, finish=_finish)


@s3control.read("GetPublicAccessBlock")
def get_public_access_block(
    call: Call, at: Snapshot, req: GetPublicAccessBlockRequest
) -> GetPublicAccessBlockOutput:
    """Raises: NoSuchPublicAccessBlockConfiguration, AccessDenied. AWS: GetPublicAccessBlock."""
    account = _account(call, req)
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
    account = _account(call, req)
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
    buckets.put_account_block(tx, _account(call, req), None)
    return {}


def _account(call: Call, req: Mapping[str, Any]) -> str:
    """Only the account itself says this of its buckets."""
    account: str = req["AccountId"]
    if account != call.principal.account:
        raise errors.AccessDenied()
    return account
