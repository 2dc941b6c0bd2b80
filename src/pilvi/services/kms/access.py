"""What a decision about a key needs to know of it: for the authorisation of requests. What the request itself tells is
in `rules/conditions.py`, what a grant allows in `rules/grants.py`.

An alias is followed here, so policies are about the key and never about the alias it was named by. The key policy
must allow whatever is done with a key, the account's root included; the default one leaves the rest to IAM's
policies. A grant allows by itself. Nothing of this outweighs an explicit Deny.
AWS: KMS Developer Guide, "Key policies in AWS KMS", "Troubleshooting key access".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import cast

import msgspec

from pilvi.base.arn import Scope
from pilvi.identity.permissions import OnResource
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.languages.policy import RESOURCE, Attachment, Origin, ResourceSide, document
from pilvi.services.kms import records
from pilvi.services.kms.records import Grant, Key
from pilvi.services.kms.rules import conditions, names
from pilvi.services.kms.rules.grants import Asked, find_allowing
from pilvi.store.api import Snapshot


class KeyFacts(msgspec.Struct, frozen=True):
    """`policy`: the key policy, as text. `conditions`: the condition keys that the key itself tells."""

    arn: str
    account: str
    policy: str
    conditions: conditions.Keys


async def on_key(call: Call, asked: Permission, resource: str) -> OnResource:
    """What stands on the side of the key that an ARN, of itself or of an alias, leads to."""
    if resource == "*" or (":alias/" in resource and asked.action in _OF_ALIASES):
        return OnResource()
    return await call.view(lambda at: _side_of(call, at, asked, resource))


_OF_ALIASES = frozenset({"kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias"})
"""These act on the alias and on the key; of the alias only IAM's policies speak."""
_BY_GRANT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"},
    }
)
"""What a grant that was found to allow just this request comes to."""


def _side_of(call: Call, at: Snapshot, asked: Permission, resource: str) -> OnResource:
    facts = find_facts(at, call.scope, resource)
    if facts is None:
        return OnResource()  # the handler says that there is no such key
    origin = Origin(Attachment.KEY, name="default", holder=facts.arn)
    policies = (document(facts.policy, RESOURCE, origin),)
    grant = find_allowing(grants_of(at, call.scope, resource), _asked(call, asked))
    if grant is not None:
        by_grant = Origin(Attachment.KEY, name=f"grant {grant.id}", holder=facts.arn)
        policies += (document(_BY_GRANT, RESOURCE, by_grant),)
    told = {**facts.conditions, "kms:calleraccount": (call.account,)}
    return OnResource(facts.account, policies, ResourceSide.KEY, facts.arn, told)


def _asked(call: Call, asked: Permission) -> Asked:
    principal = call.principal
    names_of_it = {principal.arn, principal.role_arn or principal.arn}
    context = dict(cast("Mapping[str, str]", asked.told or {}))
    operation = asked.action.removeprefix("kms:")
    return Asked(operation, frozenset(names_of_it), context=context)


def find_facts(at: Snapshot, here: Scope, text: str) -> KeyFacts | None:
    """`text`: a key as requests name it. None when there is no such key.

    Raises: NotFoundException, InvalidArnException for a text that names no key at all.
    """
    found = _find(at, here, text)
    if found is None:
        return None
    key, alias = found
    aliases = [one.name for one in records.aliases_of(at, key)]
    return KeyFacts(
        arn=key.arn,
        account=key.account,
        policy=key.policy,
        conditions=conditions.of_key(key, aliases, alias),
    )


def grants_of(at: Snapshot, here: Scope, text: str) -> Iterator[Grant]:
    """The grants of a key, lazily, for `rules.grants.find_allowing`. Raises: as find_facts."""
    found = _find(at, here, text)
    if found is not None:
        yield from records.grants_of(at, found[0])


def _find(at: Snapshot, here: Scope, text: str) -> tuple[Key, str] | None:
    name = names.parse(text, here)
    key_id = name.key_id
    if name.alias:
        alias = records.aliases.find(at, records.home(name.scope), name.alias)
        if alias is None:
            return None
        key_id = alias.key_id
    key = records.find_key(at, name.scope, key_id)
    return None if key is None else (key, name.alias)
