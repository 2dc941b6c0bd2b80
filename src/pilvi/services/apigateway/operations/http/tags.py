"""Tags of HTTP APIs and their stages."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, records, rules
from pilvi.services.apigateway.records import HTTP_STAGES, HttpApi, HttpStage
from pilvi.services.apigateway.service import apigatewayv2
from pilvi.services.apigateway.wire_http import (
    GetTagsRequest,
    GetTagsResponse,
    TagResourceRequest,
    TagResourceResponse,
    UntagResourceRequest,
)
from pilvi.store.api import Snapshot, Transaction


@apigatewayv2.write("TagResource")
def tag_resource(call: Call, tx: Transaction, req: TagResourceRequest) -> TagResourceResponse:
    """Raises: NotFoundException, BadRequestException."""
    api_id, tagged = _get_tagged(call, tx, req["ResourceArn"])
    tagged.tags = rules.check_tags({**tagged.tags, **req.get("Tags", {})})
    _put_tagged(call, tx, api_id, tagged)
    return {}


@apigatewayv2.write("UntagResource")
def untag_resource(call: Call, tx: Transaction, req: UntagResourceRequest) -> None:
    """Raises: NotFoundException, BadRequestException."""
    api_id, tagged = _get_tagged(call, tx, req["ResourceArn"])
    gone = set(req["TagKeys"])
    tagged.tags = {key: value for key, value in tagged.tags.items() if key not in gone}
    _put_tagged(call, tx, api_id, tagged)


@apigatewayv2.read("GetTags")
def get_tags(call: Call, at: Snapshot, req: GetTagsRequest) -> GetTagsResponse:
    """Raises: NotFoundException, BadRequestException."""
    return {"Tags": _get_tagged(call, at, req["ResourceArn"])[1].tags}


def _get_tagged(call: Call, at: Snapshot, arn: str) -> tuple[str, HttpApi | HttpStage]:
    """What `arn:aws:apigateway:REGION::/apis/ID` or `.../apis/ID/stages/NAME` names."""
    parts = rules.tagged_path(arn)
    match parts:
        case ["apis", api_id]:
            return api_id, records.get_http_api(at, call.scope, api_id)
        case ["apis", api_id, "stages", name]:
            records.get_http_api(at, call.scope, api_id)
            return api_id, records.get_http_stage(at, call.scope, api_id, name)
        case _:
            raise errors.BadRequestException(detail="Invalid resource ARN specified")


def _put_tagged(call: Call, tx: Transaction, api_id: str, tagged: HttpApi | HttpStage) -> None:
    if isinstance(tagged, HttpApi):
        records.put_http_api(tx, call.scope, tagged)
    else:
        HTTP_STAGES.put(tx, records.inside(call.scope, api_id), tagged)
