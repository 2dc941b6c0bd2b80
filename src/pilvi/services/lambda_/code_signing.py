"""Code signing: who may publish the code of a function, and what happens to code of anybody else.

There is no signer here, so no package carries a signature that could be verified: to a configuration that enforces,
every package is one of an unknown publisher, and is refused; one that warns lets it pass.
AWS: Lambda Developer Guide, "Using code signing to verify code integrity with Lambda".
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from pilvi.base.arn import Arn, Scope
from pilvi.services.lambda_ import errors, records
from pilvi.services.lambda_.records import Function
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key

log = logging.getLogger("pilvi.lambda")

WARN, ENFORCE = "Warn", "Enforce"

_ID = re.compile(r"csc-[a-z0-9]{17}")


class SigningConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`publishers`: ARNs of versions of signing profiles. `policy`: WARN or ENFORCE."""

    id: str
    description: str = ""
    publishers: tuple[str, ...]
    policy: str = WARN
    tags: dict[str, str] = {}
    modified_ms: int


configs = Collection("lambda.code-signing-config", SigningConfig, key=lambda config: (config.id,))


@dataclass(frozen=True, slots=True)
class SigningName:
    """A configuration as an ARN names it."""

    scope: Scope
    id: str

    @property
    def arn(self) -> str:
        scope = self.scope
        place = f"arn:{scope.partition}:lambda:{scope.region}:{scope.account}"
        return f"{place}:code-signing-config:{self.id}"


def parse(scope: Scope, text: str) -> SigningName | None:
    """What an ARN names to a caller in `scope`, in the one spelling that policies see; None: nothing here."""
    try:
        arn = Arn.parse(text)
    except ValueError:
        return None
    kind, _, config_id = arn.resource.partition(":")
    if kind != "code-signing-config" or arn.service != "lambda" or not _ID.fullmatch(config_id):
        return None
    return SigningName(Scope(arn.account, arn.region, scope.partition), config_id)


def find(at: Snapshot, scope: Scope, text: str) -> SigningConfig | None:
    """The configuration that an ARN names, when it is one of the caller's own account and region."""
    name = parse(scope, text)
    if name is None or (name.scope.account, name.scope.region) != (scope.account, scope.region):
        return None
    return configs.find(at, records.home(scope), name.id)


def get(at: Snapshot, scope: Scope, text: str) -> SigningConfig:
    """For operations on configurations. Raises: SigningConfigMissing."""
    found = find(at, scope, text)
    if found is None:
        raise errors.SigningConfigMissing(arn=text)
    return found


def get_for_function(at: Snapshot, scope: Scope, text: str) -> SigningConfig:
    """For operations that attach one to a function. Raises: CodeSigningConfigNotFoundException."""
    found = find(at, scope, text)
    if found is None:
        raise errors.CodeSigningConfigNotFoundException(arn=text)
    return found


def users(
    at: Snapshot, scope: Scope, config: SigningConfig, *, after: str | None = None
) -> Iterator[Function]:
    """The functions that have a configuration, by name."""
    home: Key = records.home(scope)
    behind = None if after is None else (config.id, after)
    return records.functions.scan_index(at, home, "signing", (config.id,), after_entry=behind)


def put(tx: Transaction, scope: Scope, config: SigningConfig) -> None:
    configs.put(tx, records.home(scope), config)


def check_code(at: Snapshot, scope: Scope, function_name: str, config_id: str | None) -> None:
    """Refuse new code, of a function or a layer that it is to use, if its configuration enforces.

    Raises: CodeVerificationFailedException.
    """
    config = None if config_id is None else configs.find(at, records.home(scope), config_id)
    if config is None:
        return
    if config.policy == ENFORCE:
        raise errors.CodeVerificationFailedException(function=function_name)
    log.warning(
        "code of the function %s has no signature that its code signing configuration trusts",
        function_name,
    )
