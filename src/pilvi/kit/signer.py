"""Who signed a request to an endpoint of its own: a function's address, an API.

Differs: only keys that this cloud issued are known, in the open mode too. Nobody here can tell a function, which must
not become root by a key of its own making, from a person at this machine.
"""

from __future__ import annotations

from msgspec.structs import replace

from pilvi.base.http import HttpRequest
from pilvi.contracts.credentials import Credentials
from pilvi.identity.authenticator import Authenticator
from pilvi.identity.errors import DIALECTS
from pilvi.identity.principal import Principal
from pilvi.kit.call import Call
from pilvi.languages.http_event import Signer


def signer_in_event(principal: Principal) -> Signer | None:
    """As a function is told of the one who signed; None of nobody."""
    if not principal.authenticated:
        return None
    return Signer(principal.access_key_id, principal.account, principal.id, principal.arn)


async def signer_of(call: Call, request: HttpRequest, *, service_signing_name: str) -> Principal:
    """The one who signed, or `ANONYMOUS`. `request`: with its body read; what was signed is `call.request`, under
    the path that was asked for.

    Raises: what is wrong with a signature, in the words of REST services.
    """
    assert call.request is not None, "an endpoint has a request"
    assert request.read is None, "the body is part of what was signed"
    signed = replace(call.request, body=request.body, stream=None, read=None)
    authenticator = Authenticator(call.ask(Credentials), call.cloud.clock, mode="strict")
    found = await authenticator.authenticate(
        signed,
        service_signing_name=service_signing_name,
        dialect=DIALECTS["rest-json"],
        anonymous=True,
    )
    return found.principal
