"""Who may call a route of an API: with the authorization AWS_IAM it takes a signature and `execute-api:Invoke`.

Within the API's account the caller's policies decide. From other accounts nobody is let in: an API without a policy of
its own, which only REST APIs can have and which is not built, opens itself to none.
AWS: API Gateway Developer Guide, "Control access for invoking an API", "Control access to HTTP APIs with IAM
authorization in API Gateway", "How API Gateway resource policies affect authorization workflow".

Differs: only keys that this cloud issued are known, in the open mode too (`kit/signer.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote

import orjson

from pilvi.base.arn import Arn
from pilvi.base.errors import AwsError, NotBuilt
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.identity.authorise import AccessDenied, AccessDeniedException
from pilvi.identity.errors import REST_JSON
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission, demand
from pilvi.kit.signer import signer_in_event, signer_of
from pilvi.languages import http_answer
from pilvi.languages.http_event import Incoming
from pilvi.services.apigateway import rules
from pilvi.services.apigateway.records import Deployed

_INVOKE = "execute-api:Invoke"
_ACCOUNT = re.compile(r"(arn:[^:]*:execute-api:[^:]*:)[0-9]{8}([0-9]{4}:)")


class Refused(Exception):
    """Not signed, wrongly signed, or not allowed."""

    def __init__(self, error: AwsError) -> None:
        self.error = error
        super().__init__(error.text)

    def in_words(self) -> HttpResponse:
        """As REST APIs say it. What is not allowed is told with only the end of the API's account, and under
        another name than what is wrong with a signature.
        """
        error = self.error
        response = http_answer.message(403, error.text, error_type=error.code)
        if isinstance(error, (AccessDenied, AccessDeniedException)):
            response.body = orjson.dumps({"Message": _ACCOUNT.sub(r"\1********\2", error.text)})
        return response


async def admit(call: Call, request: HttpRequest, incoming: Incoming, route: Deployed) -> Incoming:
    """The request with who signed it, once it is sure that they may. `request`: with its body read.

    Raises: Refused; NotBuilt for what cannot be judged.
    """
    if route.authorization != rules.IAM:
        assert route.authorization == "NONE", route.authorization
        return incoming
    try:
        call.principal = await signer_of(call, request, service_signing_name="execute-api")
        if not call.principal.authenticated:
            raise REST_JSON.missing()
        await demand(call, Permission(_INVOKE, tuple(_arns(call, incoming))))
    except NotBuilt:
        raise
    except AwsError as error:
        if error.status >= 500:
            raise
        raise Refused(error) from None
    return replace(incoming, signer=signer_in_event(call.principal))


def _arns(call: Call, incoming: Incoming) -> Iterator[str]:
    """What is asked for, under every name that leads to the same route: so that no encoding and no slash at the end
    gets round a statement. Each must be allowed.
    """
    paths = dict.fromkeys((incoming.path, unquote(incoming.path)))
    trimmed = dict.fromkeys(path.rstrip("/") or "/" for path in paths)
    for path in {**paths, **trimmed}:
        end = f"{incoming.api_id}/{incoming.stage}/{incoming.method.upper()}{path}"
        yield str(Arn("execute-api", call.region, call.account, end, call.scope.partition))
