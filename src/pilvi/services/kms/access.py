"""What a decision about a key needs to know of it: for the authorisation of requests. What the request itself tells is
in `rules/conditions.py`, what a grant allows in `rules/grants.py`.

An alias is followed here, so policies are about the key and never about the alias it was named by.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.base.arn import Scope
from pilvi.services.kms import records
from pilvi.services.kms.records import Grant, Key
from pilvi.services.kms.rules import conditions, names
from pilvi.store.api import Snapshot


class KeyFacts(msgspec.Struct, frozen=True):
    """`policy`: the key policy, as text. `conditions`: the condition keys that the key itself tells."""

    arn: str
    account: str
    policy: str
    conditions: conditions.Keys


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
