"""Tags of keys."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.kms import limits, pages, records
from pilvi.services.kms.keyring import Keyring
from pilvi.services.kms.rules import states, tags
from pilvi.services.kms.service import kms
from pilvi.services.kms.wire import (
    ListResourceTagsRequest,
    ListResourceTagsResponse,
    TagResourceRequest,
    UntagResourceRequest,
)
from pilvi.store.api import Snapshot, Transaction


@kms.write("TagResource")
def tag_resource(call: Call, tx: Transaction, req: TagResourceRequest) -> None:
    """Raises: NotFoundException, TagException, KMSInvalidStateException. AWS: TagResource."""
    ring = Keyring.of(call)
    key = ring.get_own(tx, req["KeyId"], "TagResource")
    ring.require(key, states.ALIVE)
    merged = tags.merged(key.tags, req["Tags"])
    records.put_key(tx, msgspec.structs.replace(key, tags=merged))


@kms.write("UntagResource")
def untag_resource(call: Call, tx: Transaction, req: UntagResourceRequest) -> None:
    """Raises: NotFoundException, TagException, KMSInvalidStateException. AWS: UntagResource."""
    ring = Keyring.of(call)
    key = ring.get_own(tx, req["KeyId"], "UntagResource")
    ring.require(key, states.ALIVE)
    gone = set(req["TagKeys"])
    tags.check_keys(gone)
    left = {name: value for name, value in key.tags.items() if name not in gone}
    records.put_key(tx, msgspec.structs.replace(key, tags=left))


@kms.read("ListResourceTags")
def list_resource_tags(
    call: Call, at: Snapshot, req: ListResourceTagsRequest
) -> ListResourceTagsResponse:
    """Raises: NotFoundException, InvalidMarkerException. AWS: ListResourceTags."""
    key = Keyring.of(call).get_by_id(at, req["KeyId"], "ListResourceTags")
    page, more = pages.cut_sorted(
        req,
        tags.listed(key.tags),
        lambda tag: (tag["TagKey"],),
        default=limits.PAGE_FEW,
        most=limits.PAGE_TAGS_MAX,
    )
    return {"Tags": page, **more}
