"""The four ways to name a key: id, key ARN, alias name, alias ARN. And the names that an alias may have.

AWS: KMS Developer Guide, "Key identifiers (KeyId)".
"""

from __future__ import annotations

import re

import msgspec

from pilvi.base.arn import Arn, Scope
from pilvi.services.kms import errors

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MULTI = re.compile(r"mrk-[0-9a-f]{32}")
_ALIAS = re.compile(r"alias/[a-zA-Z0-9/_-]+")
AWS_ALIASES = "alias/aws/"
AWS_SERVICES = frozenset(
    {
        *("acm", "backup", "dynamodb", "ebs", "es", "kinesis", "lambda", "logs", "rds"),
        *("s3", "secretsmanager", "sns", "sqs", "ssm"),
    }
)
"""Services whose AWS managed key is made when it is first named."""


class KeyName(msgspec.Struct, frozen=True):
    """Either `key_id` or `alias` (with its `alias/`), in a scope."""

    scope: Scope
    key_id: str = ""
    alias: str = ""

    @property
    def arn(self) -> str:
        resource = f"key/{self.key_id}" if self.key_id else self.alias
        return arn_of(self.scope, resource)


def arn_of(scope: Scope, resource: str) -> str:
    return str(Arn("kms", scope.region, scope.account, resource, scope.partition))


def key_arn(scope: Scope, key_id: str) -> str:
    return arn_of(scope, f"key/{key_id}")


_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]+")


def is_region(text: str) -> bool:
    """Whether it looks like one."""
    return _REGION.fullmatch(text) is not None


def root_arn(scope: Scope) -> str:
    """Of the account's root user."""
    return f"arn:{scope.partition}:iam::{scope.account}:root"


def parse(text: str, here: Scope) -> KeyName:
    """Raises: NotFoundException; InvalidArnException."""
    if not text.startswith("arn:"):
        return KeyName(here, alias=text) if text.startswith("alias/") else _by_id(text, here, text)
    try:
        arn = Arn.parse(text)
    except ValueError:
        raise errors.InvalidArnException(text=text) from None
    if arn.service != "kms" or not re.fullmatch("[0-9]{12}", arn.account):
        raise errors.InvalidArnException(text=text)
    if arn.region != here.region:
        raise errors.NotFoundException(detail=f"Invalid arn {arn.region}")
    scope = Scope(arn.account, arn.region, arn.partition)
    if arn.resource.startswith("alias/"):
        return KeyName(scope, alias=arn.resource)
    kind, _, key_id = arn.resource.partition("/")
    if kind != "key":
        raise errors.InvalidArnException(text=text)
    return _by_id(key_id, scope, key_id)


def parse_key(text: str, here: Scope) -> KeyName:
    """For operations that take no alias. Raises: NotFoundException; InvalidArnException."""
    name = parse(text, here)
    if name.alias:
        raise errors.InvalidKeyId(id=text)
    return name


def _by_id(key_id: str, scope: Scope, text: str) -> KeyName:
    if not (_UUID.fullmatch(key_id) or _MULTI.fullmatch(key_id)):
        raise errors.InvalidKeyId(id=text)
    return KeyName(scope, key_id=key_id)


def check_alias(name: str) -> None:
    """Of a new alias. Raises: ValidationException; NotAuthorizedException."""
    if not name.startswith("alias/"):
        raise errors.ValidationException(
            detail='Alias must start with the prefix "alias/". Please see'
            " https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
        )
    if name.startswith(AWS_ALIASES):
        raise errors.NotAuthorizedException
    if not _ALIAS.fullmatch(name):
        raise errors.InvalidAliasNameException(
            detail="Alias contains invalid characters for this operation"
        )


_PLAIN_KIND, _MULTI_KIND = b"k", b"m"


def packed_id(key_id: str) -> bytes:
    """In 17 bytes."""
    kind = _MULTI_KIND if key_id.startswith("mrk-") else _PLAIN_KIND
    return kind + bytes.fromhex(key_id.removeprefix("mrk-").replace("-", ""))


def unpacked_id(packed: bytes) -> str | None:
    """None for bytes that are no id."""
    kind, text = packed[:1], packed[1:].hex()
    if kind == _MULTI_KIND:
        return f"mrk-{text}"
    if kind != _PLAIN_KIND:
        return None
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
