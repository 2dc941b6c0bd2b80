"""MOCK integrations of REST APIs whose answer is constant: what CORS preflights are made of.

The request template must be a JSON object with a statusCode, and the answer's templates plain text. Whatever
needs a template engine is refused by name.
AWS: API Gateway Developer Guide, "Mock integrations for REST APIs in API Gateway".
"""

from __future__ import annotations

from typing import Any, cast

import orjson

from pilvi.base.errors import NotBuilt
from pilvi.services.apigateway.records import Method, Mock, RestIntegration

_HEADER = "method.response.header."


def check_static(text: str, what: str) -> str:
    """Raises: NotBuilt for a text with directives or references of the template language."""
    if "$" in text or "#" in text:
        raise NotBuilt(what=f"{what} with the template language")
    return text


def check_constant(expression: str) -> str:
    """The text of `'text'`. Raises: NotBuilt for any other mapping expression."""
    if len(expression) < 2 or not (expression.startswith("'") and expression.endswith("'")):
        raise NotBuilt(what=f"the parameter mapping {expression}")
    return expression[1:-1]


def status_of(integration: RestIntegration) -> str:
    """The status code that the request template chooses; AWS's answer without one is an error (500)."""
    template = integration.templates.get("application/json", "")
    try:
        chosen: object = orjson.loads(template)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(chosen, dict):
        return ""
    return str(cast("dict[str, Any]", chosen).get("statusCode", ""))


def constant_answer(method: Method, integration: RestIntegration) -> Mock | None:
    """What a deployed MOCK answers; None when it is not complete: then it answers 500."""
    wanted = status_of(integration)
    default = next((s for s, r in integration.responses.items() if not r.selection), None)
    status = next(
        (s for s, r in integration.responses.items() if r.selection and r.selection == wanted),
        wanted if wanted in integration.responses else default,
    )
    if not wanted or status is None:
        return None
    response = integration.responses[status]
    headers = [
        (name.removeprefix(_HEADER), check_constant(expression))
        for name, expression in response.parameters.items()
        if name.startswith(_HEADER)
    ]
    declared = method.responses.get(status)
    if declared is None:
        return None
    body = response.templates.get("application/json", "")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return Mock(status=int(status), headers=headers, body=body)
