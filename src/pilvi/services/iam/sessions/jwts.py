"""JSON Web Tokens: what one says, and whether one of these keys signed it.

Apart from what judges them (`web_identity.py`), and imported when a token comes: the library takes a tenth of a
server's start. RFC 7519; RFC 7515; RFC 7517.
"""

from __future__ import annotations

from typing import Any, cast

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]


class NotAToken(ValueError):
    """No token, or none that these keys have signed."""


def read(token: str) -> tuple[dict[str, Any], bytes]:
    """The header and the payload, believed by nobody yet. Raises: NotAToken."""
    try:
        compact = extract_compact(token.encode())
        return compact.headers(), compact.payload
    except (JoseError, ValueError, RecursionError) as error:
        raise NotAToken(str(error)) from None


def verify(token: str, keys: object) -> dict[str, Any]:
    """The claims of a token that one of `keys` (a JSON Web Key Set) has signed. Raises: NotAToken."""
    try:
        return jwt.decode(token, KeySet.import_key_set(cast("Any", keys)), ALGORITHMS).claims
    except (JoseError, ValueError) as error:
        raise NotAToken(str(error)) from None
