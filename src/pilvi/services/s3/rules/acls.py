"""Access control lists: what a request may ask for, how answers describe them, and what they mean as policies.

What a list grants to its owner's own account is not decided by it: there, the account's policies do. All else becomes
the statements of a policy on the resource's side, so that one engine decides.
AWS: S3 User Guide, "Access control list (ACL) overview", "Controlling ownership of objects and disabling ACLs for your
bucket", "Blocking public access to your Amazon S3 storage".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from pilvi.services.s3 import errors, limits
from pilvi.services.s3.records.grants import Acl, Grant
from pilvi.services.s3.rules import names
from pilvi.services.s3.rules.requests import sent

ENFORCED = "BucketOwnerEnforced"
PREFERRED = "BucketOwnerPreferred"
OWNERSHIPS = frozenset({ENFORCED, PREFERRED, "ObjectWriter"})

_GROUPS = "http://acs.amazonaws.com/groups/"
ALL_USERS = _GROUPS + "global/AllUsers"
AUTHENTICATED_USERS = _GROUPS + "global/AuthenticatedUsers"
LOG_DELIVERY = _GROUPS + "s3/LogDelivery"
_KNOWN_GROUPS = frozenset({ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY})
_PUBLIC = frozenset({ALL_USERS, AUTHENTICATED_USERS})

LOGGING = "logging.s3.amazonaws.com"
"""Who delivers access logs."""

_EXEC = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c"
"""The canonical user that AWS names in `aws-exec-read`. Nobody here is that user."""

_FULL = "FULL_CONTROL"
_PERMISSIONS = frozenset({_FULL, "READ", "WRITE", "READ_ACP", "WRITE_ACP"})
_HEADERS = {
    "GrantFullControl": ("x-amz-grant-full-control", _FULL),
    "GrantRead": ("x-amz-grant-read", "READ"),
    "GrantReadACP": ("x-amz-grant-read-acp", "READ_ACP"),
    "GrantWrite": ("x-amz-grant-write", "WRITE"),
    "GrantWriteACP": ("x-amz-grant-write-acp", "WRITE_ACP"),
}
_GRANTEE = re.compile(r'\s*(id|uri|emailAddress)\s*=\s*(?:"([^"]*)"|([^",\s]*))\s*')

_OWNERS = "bucket-owner-full-control"
_CANNED: Mapping[str, Sequence[tuple[str, str]]] = {
    "private": (),
    "public-read": ((ALL_USERS, "READ"),),
    "public-read-write": ((ALL_USERS, "READ"), (ALL_USERS, "WRITE")),
    "authenticated-read": ((AUTHENTICATED_USERS, "READ"),),
    "aws-exec-read": ((_EXEC, "READ"),),
}
"""Beside what the owner has."""
_CANNED_OF_BUCKETS = {
    **_CANNED,
    "log-delivery-write": ((LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")),
}
_CANNED_OF_OBJECTS = frozenset({*_CANNED, "bucket-owner-read", _OWNERS})


class Asked(NamedTuple):
    """What a request asks for. `grants`: of its headers or its document; None where it has neither."""

    canned: str | None = None
    grants: tuple[Grant, ...] | None = None

    @property
    def given(self) -> bool:
        return self.canned is not None or self.grants is not None


_NOTHING = Asked()


# --- what is asked


def asked(req: Mapping[str, Any], *, of_bucket: bool) -> Asked:
    """The list that a request's headers ask for.

    Raises: InvalidArgument, InvalidRequest, MethodNotAllowed (grantees by e-mail).
    """
    canned: str | None = req.get("ACL")
    headers = sent(req, _HEADERS.keys())
    if canned is None and not headers:
        return _NOTHING
    if canned is not None:
        if headers:
            raise errors.InvalidRequest(
                detail="Specifying both Canned ACLs and Header Grants is not allowed"
            )
        if canned not in (_CANNED_OF_BUCKETS if of_bucket else _CANNED_OF_OBJECTS):
            raise errors.InvalidArgument("", "x-amz-acl", canned)
        return Asked(canned)
    grants: list[Grant] = []
    for member in _HEADERS:
        if member in headers:
            header, permission = _HEADERS[member]
            grants += _of_header(header, permission, req[member])
    return Asked(None, _bounded(grants))


def _of_header(header: str, permission: str, text: str) -> Iterable[Grant]:
    for one in text.split(","):
        found = _GRANTEE.fullmatch(one)
        if found is None:
            raise errors.InvalidArgument("Argument format not recognized", header, text)
        kind, value = found[1], found[2] if found[2] is not None else found[3]
        yield Grant(_grantee(kind, value, id_name="id", uri_name="uri"), permission)


def _grantee(kind: str, value: str, *, id_name: str, uri_name: str) -> str:
    if kind == "uri":
        if value not in _KNOWN_GROUPS:
            raise errors.InvalidArgument("Invalid group uri", uri_name, value)
        return value
    if kind == "id":
        if value != _EXEC and names.account_of(value) is None:
            raise errors.InvalidArgument("Invalid id", id_name, value)
        return value
    raise errors.MethodNotAllowed()


def _bounded(grants: Sequence[Grant]) -> tuple[Grant, ...]:
    if len(grants) > limits.GRANTS_MAX:
        raise errors.MalformedACLError()
    return tuple(dict.fromkeys(grants))


def asked_to_put(
    req: Mapping[str, Any], owner: str, *, of_bucket: bool, has_content: bool
) -> Asked:
    """The list that PutBucketAcl or PutObjectAcl asks for, in headers or in a document. `owner`: his canonical id.

    Raises: MissingSecurityHeader, UnexpectedContent, MalformedACLError, AccessDenied (it names another owner), and
        what `asked` raises.
    """
    document: Mapping[str, Any] | None = req.get("AccessControlPolicy")
    found = asked(req, of_bucket=of_bucket)
    if found.given:
        if document is not None or has_content:
            raise errors.UnexpectedContent()
        return found
    if document is None:
        if has_content:
            raise errors.MalformedACLError()
        raise errors.MissingSecurityHeader("x-amz-acl")
    return Asked(None, _of_document(document, owner))


def _of_document(document: Mapping[str, Any], owner: str) -> tuple[Grant, ...]:
    named: Mapping[str, Any] = document.get("Owner") or {}
    named_id = named.get("ID")
    named.get("DisplayName")  # AWS tells none any more, and takes any
    listed: Sequence[Mapping[str, Any]] | None = document.get("Grants")
    if not named_id or listed is None:
        raise errors.MalformedACLError()
    grants = [_of_element(one) for one in listed]
    if names.account_of(named_id) is None and named_id != names.ANONYMOUS_ID:
        raise errors.InvalidArgument("Invalid id", "CanonicalUser/ID", named_id)
    if named_id != owner:
        raise errors.AccessDenied()
    return _bounded(grants)


def _of_element(element: Mapping[str, Any]) -> Grant:
    grantee: Mapping[str, Any] = element.get("Grantee") or {}
    permission = element.get("Permission")
    grantee.get("DisplayName")
    known = {"CanonicalUser": ("id", "ID"), "Group": ("uri", "URI")}
    known["AmazonCustomerByEmail"] = ("email", "EmailAddress")
    kind, member = known.get(grantee.get("Type", ""), ("", ""))
    value = grantee.get(member) if member else None
    if permission not in _PERMISSIONS or not value:
        raise errors.MalformedACLError()
    return Grant(
        _grantee(kind, value, id_name="CanonicalUser/ID", uri_name="Group/URI"), permission
    )


# --- what comes of it


def owner_of_object(asked: Asked, writer: str, bucket_account: str, ownership: str | None) -> str:
    """The account that owns what `writer` writes; "" for the bucket's own."""
    if ownership == ENFORCED or writer in ("", bucket_account):
        return ""
    if ownership == PREFERRED and asked.canned == _OWNERS:
        return ""
    return writer


def acl_of_bucket(asked: Asked, account: str) -> Acl:
    if asked.canned is None:
        return asked.grants
    return _canned(names.canonical_id(account), _CANNED_OF_BUCKETS[asked.canned])


def acl_of_object(asked: Asked, owner: str, bucket_account: str) -> Acl:
    """`owner`: as `owner_of_object` gives it."""
    if asked.canned is None:
        return asked.grants
    theirs = names.canonical_id(bucket_account)
    if asked.canned in _CANNED:
        granted = _CANNED[asked.canned]
    elif owner == "":
        granted = ()
    else:
        granted = ((theirs, _FULL if asked.canned == _OWNERS else "READ"),)
    return _canned(names.owner_id(owner, bucket_account), granted)


def _canned(owner: str, granted: Sequence[tuple[str, str]]) -> Acl:
    if not granted:
        return None
    return (Grant(owner, _FULL), *(Grant(*one) for one in granted))


def keeps_to_owner(asked: Asked, account: str) -> bool:
    """Whether it asks for nothing but what is so where lists are off: the bucket's owner has everything."""
    if asked.canned is not None:
        return asked.canned in ("private", _OWNERS)
    return asked.grants in (None, (Grant(names.canonical_id(account), _FULL),))


def is_public(acl: Acl) -> bool:
    return any(grant.grantee in _PUBLIC for grant in acl or ())


def reaches_others(acl: Acl, account: str) -> bool:
    owner = names.canonical_id(account)
    return any(grant.grantee != owner for grant in acl or ())


def described(acl: Acl, owner: str) -> dict[str, Any]:
    """`owner`: his canonical id."""
    grants = (Grant(owner, _FULL),) if acl is None else acl
    return {"Owner": {"ID": owner}, "Grants": [_described(one) for one in grants]}


def _described(grant: Grant) -> dict[str, Any]:
    if grant.is_group:
        grantee = {"Type": "Group", "URI": grant.grantee}
    else:
        grantee = {"Type": "CanonicalUser", "ID": grant.grantee}
    return {"Grantee": grantee, "Permission": grant.permission}


# --- what it means, as policies

_LISTING = ("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads")
_OF_BUCKETS = {
    "READ": _LISTING,
    "READ_ACP": ("s3:GetBucketAcl",),
    "WRITE_ACP": ("s3:PutBucketAcl",),
}
_OF_NEW_OBJECTS = {
    "WRITE": ("s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging"),
}
_OF_WRITERS_OBJECTS = {
    "WRITE": ("s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:DeleteObject"),
}
_OF_OBJECTS = {
    "READ": ("s3:GetObject", "s3:GetObjectVersion"),
    "READ_ACP": ("s3:GetObjectAcl", "s3:GetObjectVersionAcl"),
    "WRITE_ACP": ("s3:PutObjectAcl", "s3:PutObjectVersionAcl"),
}

OWNERS_ACTIONS = frozenset(
    {
        *("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAcl", "s3:GetObjectVersionAcl"),
        *("s3:PutObjectAcl", "s3:PutObjectVersionAcl"),
        *("s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"),
        *("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
        *("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
        *("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
    }
)
"""What the owner of an object decides about, where that is not the owner of the bucket."""
WRITERS_ACTIONS = frozenset(_OF_WRITERS_OBJECTS["WRITE"])
"""What WRITE on a bucket is about."""


def policy_of_bucket(acl: Acl, account: str, *, public: bool) -> str | None:
    """What it says about the bucket itself. `public`: whether grants to everyone count."""
    return _policy(acl, account, _OF_BUCKETS, public=public)


def policy_of_writers(acl: Acl, account: str, *, public: bool, own: bool) -> str | None:
    """What it says about objects that are not there yet, or that belong to who asks (`own`): nobody but their owner
    and the bucket's may overwrite or delete the others."""
    return _policy(acl, account, _OF_WRITERS_OBJECTS if own else _OF_NEW_OBJECTS, public=public)


def policy_of_object(acl: Acl, owner: str, *, public: bool) -> str | None:
    """`owner`: an account, or NOBODY."""
    return _policy(acl, owner, _OF_OBJECTS, public=public)


@lru_cache(maxsize=1024)
def policy_of_owner(account: str) -> str:
    """What an object's owner may do with it in a bucket of another account."""
    actions = sorted(OWNERS_ACTIONS)
    return _document([_statement({"AWS": account}, actions)])


def _policy(
    acl: Acl, owner: str, table: Mapping[str, Sequence[str]], *, public: bool
) -> str | None:
    """None: it grants nothing to anybody but the owner."""
    granted: dict[str, list[str]] = {}
    for grant in acl or ():
        if grant.grantee in _PUBLIC and not public:
            continue
        permissions = table if grant.permission == _FULL else (grant.permission,)
        for permission in permissions:
            granted.setdefault(grant.grantee, []).extend(table.get(permission, ()))
    statements = [
        statement
        for grantee, actions in granted.items()
        if actions and (statement := _granting(grantee, actions, owner)) is not None
    ]
    return _document(statements) if statements else None


def _granting(grantee: str, actions: Sequence[str], owner: str) -> dict[str, Any] | None:
    """None: it is the owner, whom lists do not limit, or somebody who never asks."""
    if grantee == ALL_USERS:
        return _statement("*", actions)
    if grantee == AUTHENTICATED_USERS:
        known = {"aws:PrincipalType": ["Anonymous", "Service"], "aws:PrincipalAccount": [owner]}
        return _statement("*", actions, {"StringNotEquals": known})
    if grantee == LOG_DELIVERY:
        return _statement({"Service": LOGGING}, actions)
    account = names.account_of(grantee)
    if account is None or account == owner:
        return None
    return _statement({"AWS": account}, actions)


def _document(statements: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps({"Version": "2012-10-17", "Statement": statements}).decode()


def _statement(
    principal: str | Mapping[str, str],
    actions: Sequence[str],
    condition: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": list(actions),
        "Resource": "*",
    }
    if condition is not None:
        statement["Condition"] = condition
    return statement
