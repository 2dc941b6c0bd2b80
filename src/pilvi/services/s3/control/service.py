"""S3 Control: its name, and what each of its operations acts on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.service import Acts, Service, everything
from pilvi.services.s3 import errors, told

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


def account_of(call: Call, req: Mapping[str, Any]) -> str:
    """Only the account itself says this of what it has. Raises: AccessDenied."""
    account: str = req["AccountId"]
    if account != call.principal.account:
        raise errors.AccessDenied()
    return account
