"""PartiQL: one statement, a batch, a transaction."""

from __future__ import annotations

from typing import Any

from pilvi.base.errors import NotBuilt
from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.languages.partiql import syntax
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.partiql.binding import parsed
from pilvi.services.dynamodb.partiql.reading import mark_of, plan_select, read_selected
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.wire import ExecuteStatementOutput
from pilvi.store.api import Snapshot


@dynamodb.stream("ExecuteStatement")
async def execute_statement(call: Call, req: WatchedRequest, body: Body) -> ExecuteStatementOutput:
    """Run one statement: a SELECT reads a page, the others write one item.

    It chooses between reading and writing itself, since only the statement tells.
    Raises: ConditionalCheckFailedException, DuplicateItemException, ResourceNotFoundException, ValidationException.
    AWS: ExecuteStatement; Developer Guide, "PartiQL - a SQL-compatible query language for Amazon DynamoDB".
    """
    statement = parsed(req["Statement"])
    parameters: list[Any] = req.get("Parameters", [])
    consistent: bool = req.get("ConsistentRead", False)
    token: str | None = req.get("NextToken")
    limit: int | None = req.get("Limit")
    wanted: str = req.get("ReturnConsumedCapacity", "NONE")
    req.get("ReturnValuesOnConditionCheckFailure")  # of a SELECT nothing can fail
    mark = mark_of(call.scope, req)
    if isinstance(statement, syntax.Exists):
        raise invalid("EXISTS can only be used in ExecuteTransaction write requests.")
    if not isinstance(statement, syntax.Select):
        raise NotBuilt(what=f"{type(statement).__name__.upper()} statements of PartiQL")

    def read(at: Snapshot) -> ExecuteStatementOutput:
        plan = plan_select(at, call.scope, statement, parameters, consistent=consistent)
        found = read_selected(at, plan, consistent=consistent, limit=limit, token=token, mark=mark)
        result: ExecuteStatementOutput = {"Items": found.items}
        if found.token is not None:
            result["NextToken"] = found.token
        if found.last_key is not None:
            result["LastEvaluatedKey"] = found.last_key
        if wanted != "NONE":
            result["ConsumedCapacity"] = found.consumption.answer(wanted)
        return result

    return await call.view(read)
