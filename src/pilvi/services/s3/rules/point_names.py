"""How access points are named: by themselves, as buckets of requests, and in ARNs.

A request may say for a bucket: the ARN of a point; its alias; or `NAME-ACCOUNT`, which SDKs put before the host of an
endpoint that was given to them, and which means the region that the request is signed for.
AWS: S3 User Guide, "Referencing access points", "Access points naming rules, restrictions, and limitations".
"""

from __future__ import annotations

import re

from pilvi.base.entropy import Entropy
from pilvi.services.s3 import errors

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,48}[a-z0-9]")
_ALIAS = "-s3alias"
_RESERVED = (_ALIAS, "-ext-s3alias", "--xa-s3")
_ALIAS_HEAD_LENGTH_MAX = 20
_ALIAS_RANDOM_LENGTH = 34
_ARN = re.compile(
    r"arn:[^:]*:s3:(?P<region>[^:]*):(?P<account>\d{12}):accesspoint[:/](?P<name>[^:/]+)(?:/(?P<rest>.*))?",
    re.DOTALL,
)
_IN_HOST = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]{1,48}[a-z0-9])-(?P<account>\d{12})")
_DATA = "arn:aws:s3:::"


def check(name: str) -> None:
    """Raises: InvalidURI."""
    valid = _NAME.fullmatch(name) is not None and not name.endswith(_RESERVED)
    if not valid or name.startswith("xn--"):
        raise errors.InvalidURI(f"accesspoint/{name}")


def new_alias(name: str, entropy: Entropy) -> str:
    """As long as a bucket's name may be."""
    head = name[:_ALIAS_HEAD_LENGTH_MAX].rstrip("-")
    return f"{head}-{entropy.lower(_ALIAS_RANDOM_LENGTH)}{_ALIAS}"


def is_alias(bucket: str) -> bool:
    return bucket.endswith(_ALIAS)


def arn(region: str, account: str, name: str) -> str:
    return f"arn:aws:s3:{region}:{account}:accesspoint/{name}"


def in_path(region: str, account: str, name: str) -> str:
    """The ARN as one segment of a path: no bucket is called so."""
    return f"arn:aws:s3:{region}:{account}:accesspoint:{name}"


def reference(bucket: str, region: str) -> str | None:
    """What a request says for a bucket, as points are looked for by; None where no point is called so.

    `region`: of the request.
    """
    if bucket.endswith(_ALIAS):
        return bucket
    found = _ARN.fullmatch(bucket)
    if found is not None and found["rest"] is None:
        return f"{found['account']}/{found['region']}/{found['name']}"
    found = _IN_HOST.fullmatch(bucket)
    if found is not None:
        return f"{found['account']}/{region}/{found['name']}"
    return None


def is_arn(bucket: str) -> bool:
    return _ARN.fullmatch(bucket) is not None


def asked_for(resource: str, region: str) -> tuple[str, str] | None:
    """The point and the key that a permission is about, as `service.py` made its ARN of what the request says;
    None where it is about no point."""
    text = resource.removeprefix(_DATA)
    found = _ARN.fullmatch(text) if text.startswith("arn:") else None
    if found is not None:
        return f"{found['account']}/{found['region']}/{found['name']}", found["rest"] or ""
    bucket, _, key = text.partition("/")
    named = reference(bucket, region)
    return None if named is None else (named, key)


def of_arn(resource: str) -> tuple[str, str] | None:
    """The point and the key of a point's own ARN, or of that of an object behind it."""
    found = _ARN.fullmatch(resource)
    if found is None:
        return None
    rest = found["rest"] or ""
    return f"{found['account']}/{found['region']}/{found['name']}", rest.removeprefix("object/")


def copy_source(path: str) -> tuple[str, str] | None:
    """Point and key of a copy's source, `arn:...:accesspoint/NAME/object/KEY`; None for everything else."""
    found = _ARN.fullmatch(path)
    if found is None or not (found["rest"] or "").startswith("object/"):
        return None
    key = found["rest"].removeprefix("object/")
    return in_path(found["region"], found["account"], found["name"]), key
