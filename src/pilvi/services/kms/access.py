"""What a decision about a key needs to know of it: for the authorisation of requests. What the request itself tells is
in `rules/conditions.py`, what a grant allows in `rules/grants.py`.

1. An alias is followed here, so policies are about the key and never about the alias it was named by.
2. The key policy must allow whatever is done with a key, the account's root included; the default one leaves the rest
   to IAM's policies. A grant allows by itself. Nothing of this outweighs an explicit Deny.
3. To callers from other accounts a key that does not exist is one that nobody may use, so they cannot tell the two
   apart; and so are all keys for the operations that never cross accounts.
4. Who may retire a grant is said by the grant, and not by the key policy; IAM's policies may still deny it.

AWS: KMS Developer Guide, "Key policies in AWS KMS", "Troubleshooting key access", "Allowing users in other accounts to
use a KMS key", "Retiring and revoking grants".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.contracts.principals import Principals
from pilvi.identity.permissions import OnResource
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.languages.policy import (
    RESOURCE,
    Attachment,
    Document,
    Origin,
    ResourceSide,
    document,
    principals_named,
)
from pilvi.services.kms import limits, records
from pilvi.services.kms.records import Grant, Key
from pilvi.services.kms.rules import conditions, names
from pilvi.services.kms.rules.grants import OPERATIONS, Asked, Limits, find_allowing, retirers
from pilvi.store.api import Snapshot


class Told(msgspec.Struct, frozen=True):
    """What a request tells of itself for the decision, beside its condition keys.

    `context`: the encryption context. `other`: of ReEncrypt, how it names the other key. `child`: what a new grant
    would give. `grant_id`, `token`: of RetireGrant. `behind`: it is the key behind the alias that is asked about.
    `region`: where the key is, if elsewhere than the request.
    """

    context: Mapping[str, str] = {}
    other: str = ""
    child: Limits | None = None
    grant_id: str = ""
    token: bytes | None = None
    behind: bool = False
    region: str = ""


NOTHING = Told()

CROSS_ACCOUNT = frozenset(
    {
        *("CreateGrant", "Decapsulate", "Decrypt", "DeriveSharedSecret", "DescribeKey"),
        *("Encapsulate", "Encrypt"),
        *("GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
        *("GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetKeyRotationStatus"),
        *("GetPublicKey", "ListGrants", "ReEncryptFrom", "ReEncryptTo", "RetireGrant"),
        *("RevokeGrant", "Sign", "Verify", "VerifyMac"),
    }
)
"""Permissions that reach over accounts; the API Reference says so under each operation, "Cross-account use"."""


class KeyFacts(msgspec.Struct, frozen=True):
    """`policy`: the key policy, as text. `conditions`: the condition keys that the key itself tells."""

    arn: str
    account: str
    policy: str
    conditions: conditions.Keys


async def on_key(call: Call, asked: Permission, resource: str) -> OnResource:
    """What stands on the side of the key that an ARN, of itself or of an alias, leads to."""
    told = asked.told if isinstance(asked.told, Told) else NOTHING
    of_alias = ":alias/" in resource and asked.action in _OF_ALIASES and not told.behind
    if resource == "*" or of_alias:
        return OnResource()
    return await call.view(lambda at: _side_of(call, at, asked, told, resource))


_OF_GRANTS = frozenset({"CreateGrant", "ListGrants", "RevokeGrant"})
_OF_ALIASES = frozenset({"kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias"})
"""These act on the alias and on the key; of the alias only IAM's policies speak."""


def _side_of(call: Call, at: Snapshot, asked: Permission, told: Told, resource: str) -> OnResource:
    here = call.scope._replace(region=told.region) if told.region else call.scope
    name = names.parse(resource, here)
    owner, own = name.scope.account, name.scope.account == call.principal.account
    operation = asked.action.removeprefix("kms:")
    found = _find(at, name) if own or operation in CROSS_ACCOUNT else None
    if found is None:
        # Who is at home is told by the handler that there is no such key.
        return OnResource() if own else OnResource(owner, side=ResourceSide.KEY)
    key, alias = found
    context = _asking(call) | _conditions(at, key, alias)
    if told.other:
        other = _find_text(at, told.other, call.scope)
        same = other is not None and other[0].arn == key.arn
        context["kms:reencryptonsamekey"] = (str(same).lower(),)
    if (call.via or call.principal.service) and operation in _OF_GRANTS:
        context["kms:grantisforawsresource"] = ("true",)
    if operation == "EnableKeyRotation" and "kms:rotationperiodindays" not in asked.context:
        days = str(key.rotation_days or limits.ROTATION_DAYS)
        context["kms:rotationperiodindays"] = (days,)
    if operation == "RetireGrant":
        return _side_of_grant(call, at, key, told, context)
    policies = (document(key.policy, RESOURCE, _origin(key, "default"), key.policy_ids),)
    by_grant = _by_grant(call, at, key, operation, told)
    if by_grant is not None:
        policies += (by_grant,)
    spared = key.manager == "AWS"
    return OnResource(key.account, policies, ResourceSide.KEY, key.arn, context, spared)


def _asking(call: Call) -> conditions.Keys:
    if call.principal.service:
        return conditions.of_service(call.account, call.source_arn)
    return conditions.of_asking(call.principal.account, call.region, via=call.via)


def _origin(key: Key, name: str) -> Origin:
    return Origin(Attachment.KEY, name=name, holder=key.arn)


def _allowing(
    key: Key, name: str, action: str, principal: Mapping[str, str | list[str]]
) -> Document:
    """What a grant that was found to allow just this request comes to, as a policy. It names its grantee, so that a
    boundary and session policies limit a role's grant as they limit a key policy that names the role."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    return document(text, RESOURCE, _origin(key, name))


def _by_grant(call: Call, at: Snapshot, key: Key, operation: str, told: Told) -> Document | None:
    """What allows it beside the key policy."""
    action, service = f"kms:{operation}", call.principal.service
    if service and key.manager == "AWS":
        aliases = (one.name for one in records.aliases_of(at, key))
        its_own = f"{names.AWS_ALIASES}{service}" in aliases and operation in _OF_MANAGED
        if not its_own or call.account != key.account:
            return None
        itself = {"Service": f"{service}.amazonaws.com"}
        return _allowing(key, "the service's own key", action, itself)
    if not key.grants or operation not in OPERATIONS:
        return None
    asked = Asked(
        operation,
        names_of(call),
        _service_names(call),
        context=told.context,
        source_arn=call.source_arn or None,
        child=told.child,
    )
    mine = (one for one in _grants_to(at, key, asked) if _means(one, one.grantee, call))
    grant = find_allowing(mine, asked)
    if grant is None:
        return None
    grantee = {"AWS": grant.grantee} if grant.grantee else {"Service": grant.grantee_service or ""}
    return _allowing(key, f"grant {grant.id}", action, grantee)


_OF_MANAGED = frozenset({"Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"})
"""What a service does by itself with the key that it has in each account, `alias/aws/<service>`."""


def _grants_to(at: Snapshot, key: Key, asked: Asked) -> Iterator[Grant]:
    for grantee in (*asked.principals, *asked.services):
        yield from records.grants_to(at, key, grantee)


def names_of(call: Call) -> frozenset[str]:
    """The ARNs by which a grant may name who asks: a session's own, and its role's."""
    principal = call.principal
    return frozenset({principal.arn, principal.role_arn or principal.arn})


def _means(grant: Grant, arn: str | None, call: Call) -> bool:
    """Whether a grant that names who asks means them, and not whoever had that name before."""
    unique_id = call.principal.id.partition(":")[0]
    return grant.ids.get(arn or "", unique_id) == unique_id


def policy_ids(call: Call, at: Snapshot, policy: str) -> dict[str, str]:
    """Of the users and roles that a key policy names."""
    return call.ask(Principals).ids_of(at, principals_named(policy, RESOURCE))


def _service_names(call: Call) -> frozenset[str]:
    name = call.principal.service
    if not name:
        return frozenset()
    return frozenset({f"{name}.amazonaws.com", f"{name}.{call.region}.amazonaws.com"})


def _side_of_grant(
    call: Call, at: Snapshot, key: Key, told: Told, context: conditions.Keys
) -> OnResource:
    """A grant's own word on who may retire it, as a policy."""
    grant = find_grant(at, key, told)
    own = key.account == call.principal.account
    if grant is None:
        return OnResource() if own else OnResource(key.account, side=ResourceSide.KEY)
    given = {
        "EncryptionContextEquals": grant.context_equals,
        "EncryptionContextSubset": grant.context_subset,
        "SourceArn": grant.source_arn,
    }
    context |= conditions.of_constraints(given)
    named, accounts = retirers(grant, names.root_arn(key.scope))
    # Whoever the grant names needs nothing of their account; others have what the account leaves to them.
    itself = {one for one in named & names_of(call) if _means(grant, one, call)}
    at_home = [one for one in accounts if _account_in(one) == call.principal.account]
    principal: dict[str, str | list[str]] = {}
    if itself or at_home:
        principal["AWS"] = sorted((*itself, *at_home))
    if grant.retiring_service in _service_names(call):
        principal["Service"] = grant.retiring_service or ""
    if not principal:
        return OnResource(key.account, side=ResourceSide.KEY)
    policies = (_allowing(key, f"grant {grant.id}", "kms:RetireGrant", principal),)
    return OnResource(
        call.principal.account or key.account, policies, ResourceSide.KEY, key.arn, context
    )


def _account_in(arn: str) -> str:
    return arn.split(":", 5)[4]


def find_grant(at: Snapshot, key: Key, told: Told) -> Grant | None:
    """The grant that a RetireGrant names."""
    if told.token is not None:
        return records.grant_by_token(at, key, told.token)
    return records.grants.find(at, records.home(key.scope), key.id, told.grant_id)


def _conditions(at: Snapshot, key: Key, alias: str) -> conditions.Keys:
    family = records.find_family(at, key)
    aliases = [one.name for one in records.aliases_of(at, key)]
    primary = family is None or family.primary == key.region
    return conditions.of_key(key, aliases, alias, primary=primary)


def find_facts(at: Snapshot, here: Scope, text: str) -> KeyFacts | None:
    """`text`: a key as requests name it. None when there is no such key.

    Raises: NotFoundException, InvalidArnException for a text that names no key at all.
    """
    found = _find(at, names.parse(text, here))
    if found is None:
        return None
    key, alias = found
    return KeyFacts(
        arn=key.arn,
        account=key.account,
        policy=key.policy,
        conditions=_conditions(at, key, alias),
    )


def grants_of(at: Snapshot, here: Scope, text: str) -> Iterator[Grant]:
    """The grants of a key, lazily, for `rules.grants.find_allowing`. Raises: as find_facts."""
    found = _find(at, names.parse(text, here))
    if found is not None:
        yield from records.grants_of(at, found[0])


def _find_text(at: Snapshot, text: str, here: Scope) -> tuple[Key, str] | None:
    try:
        return _find(at, names.parse(text, here))
    except AwsError:
        return None


def _find(at: Snapshot, name: names.KeyName) -> tuple[Key, str] | None:
    """The key, and the alias by which it was named, or ""."""
    key_id = name.key_id
    if name.alias:
        alias = records.aliases.find(at, records.home(name.scope), name.alias)
        if alias is None:
            return None
        key_id = alias.key_id
    key = records.find_key(at, name.scope, key_id)
    return None if key is None else (key, name.alias)
