"""What log groups tell policies of themselves, when one of them asks: their tags, also for their streams."""

from __future__ import annotations

from collections.abc import Mapping

from pilvi.base.arn import Arn
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Tells
from pilvi.services.logs import records


async def _tell(call: Call, asked: Permission, resource: str) -> Mapping[str, tuple[str, ...]]:
    try:
        arn = Arn.parse(resource)
    except ValueError:
        return {}
    name = arn.resource.removeprefix("log-group:").partition(":")[0]
    group = await call.view(lambda at: records.find_group(at, arn.scope, name))
    return {} if group is None else tags.of_resource(group.tags)


tells = Tells(frozenset({"aws:resourcetag/*"}), _tell)
