"""Tags of REST APIs and their stages."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, records, rules
from pilvi.services.apigateway.records import REST_STAGES, RestApi, RestStage
from pilvi.services.apigateway.service import apigateway
from pilvi.services.apigateway.wire_rest import (
    GetTagsRequest,
    TagResourceRequest,
    Tags,
    UntagResourceRequest,
)
from pilvi.store.api import Snapshot, Transaction


@apigateway.write("TagResource")
def tag_resource(call: Call, tx: Transaction, req: TagResourceRequest) -> None:
    """Raises: NotFoundException, BadRequestException."""
    api_id, tagged = _get_tagged(call, tx, req["resourceArn"])
    tagged.tags = rules.check_tags({**tagged.tags, **req["tags"]})
    _put_tagged(call, tx, api_id, tagged)


@apigateway.write("UntagResource")
def untag_resource(call: Call, tx: Transaction, req: UntagResourceRequest) -> None:
    """Raises: NotFoundException, BadRequestException."""
    api_id, tagged = _get_tagged(call, tx, req["resourceArn"])
    gone = set(req["tagKeys"])
    tagged.tags = {key: value for key, value in tagged.tags.items() if key not in gone}
    _put_tagged(call, tx, api_id, tagged)


@apigateway.read("GetTags")
def get_tags(call: Call, at: Snapshot, req: GetTagsRequest) -> Tags:
    """Raises: NotFoundException, BadRequestException."""
    return {"tags": _get_tagged(call, at, req["resourceArn"])[1].tags}


def _get_tagged(call: Call, at: Snapshot, arn: str) -> tuple[str, RestApi | RestStage]:
    """What `arn:aws:apigateway:REGION::/restapis/ID` or `.../restapis/ID/stages/NAME` names."""
    match rules.tagged_path(arn):
        case ["restapis", api_id]:
            return api_id, records.get_rest_api(at, call.scope, api_id)
        case ["restapis", api_id, "stages", name]:
            records.get_rest_api(at, call.scope, api_id)
            return api_id, records.get_rest_stage(at, call.scope, api_id, name)
        case _:
            raise errors.BadRequestException(detail="Invalid resource ARN specified")


def _put_tagged(call: Call, tx: Transaction, api_id: str, tagged: RestApi | RestStage) -> None:
    if isinstance(tagged, RestApi):
        records.put_rest_api(tx, call.scope, tagged)
    else:
        REST_STAGES.put(tx, records.inside(call.scope, api_id), tagged)
