"""How callers name functions and layers: names, partial ARNs, whole ARNs, qualifiers. Parsed only here.

AWS: Lambda API Reference, CreateFunction, "FunctionName".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pilvi.base.arn import Arn, Scope
from pilvi.contracts.delivery import Source
from pilvi.services.lambda_ import errors

LATEST = "$LATEST"

_FUNCTION = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?(?P<name>[a-zA-Z0-9-_.]+)"
    r"(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)
_LAYER = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<version>[0-9]{1,19}))?"
)
_NAME_LENGTH_MAX = 64
_VERSION_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FunctionName:
    """`qualifier`: as the caller gave it; None where there was none."""

    scope: Scope
    name: str
    qualifier: str | None = None

    @property
    def arn(self) -> str:
        """Unqualified."""
        return function_arn(self.scope, self.name)

    @property
    def asked_arn(self) -> str:
        """With the qualifier, when one was given."""
        return self.arn if self.qualifier is None else f"{self.arn}:{self.qualifier}"


def version_number(digits: str | int) -> int:
    """The number of a version of a function or layer. None has a greater one than the store can hold.

    Version 0 is none, so that is what 007 means: a policy about version 7 must not be got round by it.
    """
    number = int(digits)
    return min(number, _VERSION_MAX) if str(number) == str(digits) else 0


def function_arn(scope: Scope, name: str) -> str:
    return f"arn:{scope.partition}:lambda:{scope.region}:{scope.account}:function:{name}"


def source_of(arn: str) -> Source:
    """As whom Lambda takes the role of a function."""
    return Source("lambda.amazonaws.com", arn, Arn.parse(arn).account)


def is_function(text: str) -> bool:
    """Whether a text can name a function at all."""
    return _FUNCTION.fullmatch(text) is not None


def is_layer(text: str) -> bool:
    return _LAYER.fullmatch(text) is not None


def parse_function(scope: Scope, text: str, qualifier: str | None = None) -> FunctionName:
    """The function that a caller in `scope` means, of whichever account.

    Raises: InvalidParameterValueException (two qualifiers that differ), FunctionInOtherRegion,
        FunctionNotFound (not a name at all).
    """
    match = _FUNCTION.fullmatch(text)
    if match is None:
        raise errors.FunctionNotFound(arn=text)
    derived = match["qualifier"]
    if derived is not None and qualifier is not None and derived != qualifier:
        raise errors.InvalidParameterValueException(
            detail="The derived qualifier from the function name"
            " does not match the specified qualifier."
        )
    region = match["region"]
    if region is not None and region != scope.region:
        raise errors.FunctionInOtherRegion(region=region, here=scope.region)
    account = match["account"]
    if account is not None and account != scope.account:
        scope = Scope(account, scope.region, scope.partition)
    return FunctionName(scope, match["name"], derived or qualifier)


def parse_new(scope: Scope, text: str) -> FunctionName:
    """The name that a new function is to have. Raises: as `parse_function`; too long a name."""
    found = parse_function(scope, text)
    if len(found.name) > _NAME_LENGTH_MAX:
        raise errors.InvalidParameterValueException(
            detail=f"1 validation error detected: Value '{found.name}' at 'functionName' failed to"
            f" satisfy constraint: Member must have length less than or equal to {_NAME_LENGTH_MAX}"
        )
    return found


def parse_unqualified(scope: Scope, text: str) -> FunctionName:
    """For operations that know no versions. Raises: as `parse_function`; a qualifier."""
    found = parse_function(scope, text)
    if found.qualifier is not None:
        raise errors.InvalidParameterValueException(
            detail="This operation is permitted on Lambda functions only. Aliases and versions do"
            " not support this operation. Please specify either a function name or an unqualified"
            " function ARN."
        )
    return found


@dataclass(frozen=True, slots=True)
class LayerName:
    scope: Scope
    name: str
    version: int | None = None

    @property
    def arn(self) -> str:
        scope = self.scope
        return f"arn:{scope.partition}:lambda:{scope.region}:{scope.account}:layer:{self.name}"

    @property
    def version_arn(self) -> str:
        return f"{self.arn}:{self.version}"


def parse_layer(scope: Scope, text: str) -> LayerName:
    """A layer's name or ARN, with or without a version.

    Raises: InvalidParameterValueException for a layer of another region; NoSuchResource (no name at all).
    """
    match = _LAYER.fullmatch(text)
    if match is None:
        raise errors.NoSuchResource()
    if match["region"] not in (None, scope.region):
        raise errors.InvalidParameterValueException(
            detail="Layers are not in the same region as the function."
            f" Layers are expected to be in region {scope.region}."
        )
    account = match["account"] or scope.account
    version = match["version"]
    return LayerName(
        Scope(account, scope.region, scope.partition),
        match["name"],
        None if version is None else version_number(version),
    )


def parse_own_layer(scope: Scope, text: str) -> LayerName:
    """A layer of the caller's own account. Raises: as `parse_layer`; AccessDeniedException."""
    found = parse_layer(scope, text)
    if found.scope.account != scope.account:
        raise errors.AccessDeniedException()
    return found
