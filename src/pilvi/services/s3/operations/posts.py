"""Browser uploads at the gateway's door: forms that are POSTed to a bucket."""

from __future__ import annotations

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.kit.call import Call
from pilvi.services.s3.forms.posting import post_object
from pilvi.services.s3.service import s3


@s3.endpoint("s3-post")
async def answer_form(call: Call, request: HttpRequest) -> HttpResponse:
    """POST on a bucket; signed inside, if at all. Raises: as `post_object`."""
    assert call.vouch is not None, "the gateway vouches"
    return await post_object(call, request, call.vouch)
