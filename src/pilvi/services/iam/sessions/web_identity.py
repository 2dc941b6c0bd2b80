"""Tokens of identity providers: who is it, by whose word, and is the word good?

A token must be signed by a key of its issuer; the issuer must be a provider of the role's account, or one of those that
everybody's account knows; one of the provider's client ids must be its audience; and it must not be over. It is over
by the cloud's clock, or by the machine's where it was issued since the clock was last moved: issuers know no other.
AWS: AssumeRoleWithWebIdentity; IAM User Guide, "Available keys for AWS OIDC federation", "Pass session tags using
AssumeRoleWithWebIdentity". OpenID Connect Core 1.0, section 3.1.3.7.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from pilvi.base.arn import Scope
from pilvi.base.clock import Clock
from pilvi.base.errors import NotBuilt
from pilvi.contracts.identities import KeysUnavailable, ProviderKeys
from pilvi.identity.permissions import Permissions
from pilvi.kit.call import Call
from pilvi.languages.policy import Kind
from pilvi.languages.policy import Principal as PolicyPrincipal
from pilvi.services.iam import errors, rules
from pilvi.services.iam.providers.oidc import arn_of, find_oidc_provider

EVERYBODYS = {"https://accounts.google.com": "accounts.google.com"}
"""Issuers that need no provider in the account. AWS: IAM User Guide, "OIDC federation"."""

_TAGS = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
_SURROGATE = re.compile(r"[\ud800-\udfff]")
"""JSON can write halves of characters, which no text can hold."""
_SKEW_S = 300
"""How far in the future a token may have been issued."""


class WebIdentity(NamedTuple):
    """Somebody whom a token vouches for. `provider`: as trust policies name it. `prefix`: of the condition keys.
    `tags`, `transitive`: session tags that the token carries."""

    provider: str
    prefix: str
    issuer: str
    subject: str
    audience: str
    keys: Mapping[str, tuple[str, ...]]
    tags: dict[str, str]
    transitive: tuple[str, ...]
    source_identity: str


async def prove(call: Call, req: Mapping[str, Any]) -> Permissions:
    """The principal that a request's token proves; its `WebIdentity` is kept as the call's proof.

    Raises: ValidationError, InvalidIdentityToken, ExpiredTokenException, IDPCommunicationError.
    """
    if "ProviderId" in req:
        raise NotBuilt(what="OAuth 2.0 access tokens, which ProviderId is for")
    role_scope = rules.parse_role_arn(req.get("RoleArn", "")).scope
    token: str = req.get("WebIdentityToken", "")
    from pilvi.services.iam.sessions import jwts

    try:
        header, payload = jwts.read(token)
        told = _claims(payload)
    except (ValueError, RecursionError):
        raise errors.InvalidIdentityToken(
            detail="The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        ) from None
    issuer = _text(told, "iss")
    provider, prefix, client_ids, thumbprints = await _provider(call, role_scope, issuer)
    try:
        keys = await call.ask(ProviderKeys).keys_of(
            issuer, thumbprints=thumbprints, key_id=header.get("kid")
        )
        claims = jwts.verify(token, keys)
    except KeysUnavailable as error:
        raise errors.IDPCommunicationError(
            detail=f"Couldn't retrieve verification key from your identity provider: {error}"
        ) from None
    except jwts.NotAToken:
        raise errors.InvalidIdentityToken(
            detail="The token's signature was not made by a key of its issuer."
        ) from None
    _check_times(claims, call.cloud.clock)
    identity = _identity(claims, provider, prefix)
    if client_ids is not None and identity.audience not in client_ids:
        raise errors.InvalidIdentityToken(detail="Incorrect token audience")
    call.proof = identity
    return Permissions(PolicyPrincipal(Kind.WEB_IDENTITY, arn=provider, provider=provider))


async def _provider(
    call: Call, scope: Scope, issuer: str
) -> tuple[str, str, list[str] | None, list[str]]:
    """As trust policies name it, its prefix of condition keys, its client ids (None: any), its thumbprints."""
    if issuer in EVERYBODYS:
        return EVERYBODYS[issuer], EVERYBODYS[issuer], None, []
    found = await call.view(lambda at: find_oidc_provider(at, scope, issuer))
    if found is None:
        raise errors.InvalidIdentityToken(
            detail=f"No OpenIDConnect provider found in your account for {issuer}"
        )
    return arn_of(scope, found), found.url, found.client_ids, found.thumbprints


def _claims(payload: bytes | None) -> dict[str, Any]:
    found = json.loads(payload or b"")
    if not isinstance(found, dict):
        raise ValueError("no object")
    return cast("dict[str, Any]", found)


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise errors.InvalidIdentityToken(detail=f"Missing a required claim: {name}")
    if _SURROGATE.search(value):
        raise errors.InvalidIdentityToken(detail=f"The claim {name} is no Unicode text.")
    return value


def _check_times(claims: Mapping[str, Any], clock: Clock) -> None:
    instants = {name: claims.get(name) for name in ("exp", "iat", "nbf") if name in claims}
    for name in ("exp", "iat"):
        if name not in instants:
            raise errors.InvalidIdentityToken(detail=f"Missing a required claim: {name}")
    if not all(isinstance(value, int | float) for value in instants.values()):
        raise errors.InvalidIdentityToken(detail="The token's times are not numbers.")
    times = cast("dict[str, float]", instants)
    latest_s = max(clock.now_ms(), clock.machine_ms()) // 1000
    if max(times["iat"], times.get("nbf", 0)) > latest_s + _SKEW_S:
        raise errors.InvalidIdentityToken(detail="The token is not yet valid.")
    now_s = clock.judging_ms(int(times["iat"] * 1000)) // 1000
    if now_s >= times["exp"]:
        raise errors.ExpiredIdentityToken(
            detail=f"Token expired: current date/time {now_s} must be before the expiration date/time"
            f" {int(times['exp'])}"
        )


def _identity(claims: Mapping[str, Any], provider: str, prefix: str) -> WebIdentity:
    subject = _text(claims, "sub")
    audiences = claims.get("aud")
    listed = [audiences] if isinstance(audiences, str) else audiences
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in cast("Any", listed)):
        raise errors.InvalidIdentityToken(detail="Missing a required claim: aud")
    all_audiences = cast("list[str]", listed)
    authorized = claims.get("azp")
    audience = authorized if isinstance(authorized, str) and authorized else ""
    if not audience and len(all_audiences) != 1:
        raise errors.InvalidIdentityToken(
            detail="A token with several audiences must have the claim azp."
        )
    keys: dict[str, tuple[str, ...]] = {
        f"{prefix}:sub": (subject,),
        f"{prefix}:aud": (audience or all_audiences[0],),
        "aws:federatedprovider": (provider,),
    }
    if audience:
        keys[f"{prefix}:oaud"] = tuple(all_audiences)
    methods = claims.get("amr")
    if isinstance(methods, list):
        keys[f"{prefix}:amr"] = tuple(str(one) for one in cast("list[object]", methods))
    tags, transitive = _tags(claims.get(_TAGS))
    source_identity = claims.get(_SOURCE_IDENTITY, "")
    if not isinstance(source_identity, str):
        raise errors.InvalidIdentityToken(detail=f"{_SOURCE_IDENTITY} is not a text.")
    return WebIdentity(
        provider=provider,
        prefix=prefix,
        issuer=claims["iss"],
        subject=subject,
        audience=audience or all_audiences[0],
        keys={key.lower(): values for key, values in keys.items()},
        tags=tags,
        transitive=transitive,
        source_identity=source_identity,
    )


def _tags(claim: Any) -> tuple[dict[str, str], tuple[str, ...]]:
    """Of `{"principal_tags": {"Team": ["a"]}, "transitive_tag_keys": ["Team"]}`. Raises: InvalidIdentityToken."""
    if claim is None:
        return {}, ()
    try:
        tags = {str(key): str(values[0]) for key, values in claim["principal_tags"].items()}
        transitive = tuple(str(key) for key in claim.get("transitive_tag_keys", ()))
    except (KeyError, TypeError, AttributeError, IndexError):
        raise errors.InvalidIdentityToken(
            detail=f"{_TAGS} does not hold tags as it should."
        ) from None
    return tags, transitive
