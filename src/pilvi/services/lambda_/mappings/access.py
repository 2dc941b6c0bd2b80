"""What policies are told of event source mappings: the function that one invokes, and its tags."""

from __future__ import annotations

from pilvi.identity.permissions import OnResource
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.services.lambda_ import access, mapping_names
from pilvi.services.lambda_.mappings import records
from pilvi.services.lambda_.mappings.records import Mapping


class MappingSide:
    """See `lambda_.access.Kind`."""

    async def side(self, call: Call, asked: Permission, arn: str) -> OnResource:
        """The function, where the request does not name another one."""
        account = arn.split(":", 5)[4]
        if "lambda:functionarn" in asked.context:
            return OnResource(account)
        mapping = await self._find(call, arn)
        told = {} if mapping is None else {"lambda:functionarn": (mapping.function_arn,)}
        return OnResource(account, context=told)

    async def tags(self, call: Call, arn: str) -> access.Keys:
        mapping = await self._find(call, arn)
        return {} if mapping is None else tags.of_resource(mapping.tags)

    async def _find(self, call: Call, arn: str) -> Mapping | None:
        named = mapping_names.parse(call.scope, arn)
        if named is None or named[0].account != call.principal.account:
            return None
        return await call.view(lambda at: records.find_mapping(at, *named))
