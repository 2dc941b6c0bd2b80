"""pilvi's own endpoints about permissions: `/_pilvi/iam/...`. Whoever comes here was let in by `own.py`.

| request | body | answer |
| `GET explain/REQUEST_ID` | | `{"decisions": [...]}` |
| `GET report` | | `{"denials": [...]}` |
| `POST generate` | `account`, `role` or `user`, `since_ms`, `wildcards` | policies, and how they were verified |
| `POST whois` | `access_key_id` | whose key it is |
| `POST admin-key` | `account`, `root`, `replace` | a new key; the data directory's token is needed in every mode |
"""

from __future__ import annotations

from typing import Any

from pilvi.base.errors import AwsError
from pilvi.contracts.advice import Administrators, Advice
from pilvi.kit.cloud import Cloud
from pilvi.kit.settings import DEFAULT_ACCOUNT

PREFIX = "/_pilvi/iam/"


class BadIamRequest(AwsError):
    code = "BadRequestException"
    message = "{detail}"


class OnlyOwner(AwsError):
    code = "AccessDeniedException"
    message = "Only the owner of the data directory may do this: Authorization: Bearer ..."
    status = 403


async def answer(
    cloud: Cloud, method: str, what: str, asked: dict[str, Any], *, owner: bool
) -> dict[str, Any] | None:
    """`what`: the path behind PREFIX. `owner`: whether the request had the data directory's token. None: there is no
    such endpoint. Raises: BadIamRequest, OnlyOwner, NoSuchEntity, LimitExceeded."""
    match method, what.partition("/")[0]:
        case "GET", "explain":
            request_id = what.partition("/")[2]
            return {"decisions": await cloud.ask(Advice).explain(request_id)}
        case "GET", "report":
            return {"denials": await cloud.ask(Advice).report()}
        case "POST", "generate":
            return await _generate(cloud, asked)
        case "POST", "whois":
            return await cloud.ask(Advice).whois(_text(asked, "access_key_id"))
        case "POST", "admin-key":
            if not owner:
                raise OnlyOwner()
            key = await cloud.ask(Administrators).another_key(
                _text(asked, "account", DEFAULT_ACCOUNT),
                root=_flag(asked, "root"),
                replace=_flag(asked, "replace"),
            )
            return {"access_key_id": key[0], "secret_access_key": key[1]}
        case _:
            return None


async def _generate(cloud: Cloud, asked: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in ("role", "user") if kind in asked]
    if len(kinds) != 1:
        raise BadIamRequest(detail="Name either a role or a user.")
    since_ms = asked.get("since_ms", 0)
    if type(since_ms) is not int:
        raise BadIamRequest(detail="since_ms is a whole number of milliseconds.")
    return await cloud.ask(Advice).generate(
        _text(asked, "account", DEFAULT_ACCOUNT),
        kinds[0],
        _text(asked, kinds[0]),
        since_ms=since_ms,
        wildcards=_flag(asked, "wildcards"),
    )


def _text(asked: dict[str, Any], name: str, default: str | None = None) -> str:
    value = asked.get(name, default)
    if not isinstance(value, str) or not value:
        raise BadIamRequest(detail=f"{name} is a text.")
    return value


def _flag(asked: dict[str, Any], name: str) -> bool:
    return asked.get(name) is True
