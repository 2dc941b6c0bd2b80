"""STS: what an encoded authorization message says."""

from __future__ import annotations

import orjson

from pilvi.kit.call import Call
from pilvi.services.iam.messages import decode, find_key
from pilvi.services.iam.service import sts
from pilvi.services.iam.wire import (
    DecodeAuthorizationMessageRequest,
    DecodeAuthorizationMessageResponse,
)
from pilvi.store.api import Snapshot
from pilvi.store.sealing import Sealer


@sts.read("DecodeAuthorizationMessage")
def decode_authorization_message(
    call: Call, at: Snapshot, req: DecodeAuthorizationMessageRequest
) -> DecodeAuthorizationMessageResponse:
    """Tell the decision behind a denial: its `x-pilvi-authorization-message` header.

    Raises: InvalidAuthorizationMessageException, also for another account's.
    """
    key = find_key(at, call.ask(Sealer))
    decision = decode(key, call.account, req["EncodedMessage"])
    return {"DecodedMessage": orjson.dumps(decision).decode()}
