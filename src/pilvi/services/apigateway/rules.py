"""What API Gateway decides: pure functions of requests and records; no store, no clock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pilvi.base.errors import NotBuilt
from pilvi.kit.paging import key_of, page_of, token_of
from pilvi.services.apigateway import errors, limits
from pilvi.services.apigateway.routes import ANY, METHODS, parse_template

DEFAULT = "$default"
IAM = "AWS_IAM"
AUTHORIZATIONS = ("NONE", IAM)
"""Those that are built: silence about others would open what they close."""
_DIGITS = re.compile(r"[0-9]{1,9}")
_STAGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_VARIABLE_NAME = re.compile(r"\w{1,64}", re.ASCII)
_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,@$]*")
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}", re.ASCII)
_FUNCTION = re.compile(r"arn:[^:]+:lambda:[^:]+:\d{12}:function:[^:/]+(:[^:/]+)?")
_INVOCATION = re.compile(
    r"arn:[^:]+:apigateway:[^:]+:lambda:path/2015-03-31/functions/(?P<function>.+)/invocations"
)


# --- routes


def parse_route_key(key: str) -> tuple[str, str]:
    """Method and path of `GET /pets/{id}`; two empty texts of `$default`. Raises: BadRequestException."""
    if key == DEFAULT:
        return "", ""
    method, space, path = key.partition(" ")
    if not space or (method not in METHODS and method != ANY):
        raise _bad_route_key()
    try:
        parse_template(path)
    except ValueError:
        raise _bad_route_key() from None
    return method, path


def _bad_route_key() -> errors.BadRequestException:
    return errors.BadRequestException(
        detail="The provided route key is not formatted properly for HTTP protocol. Format should be"
        ' "<HTTP METHOD> /<RESOURCE PATH>" or "$default"'
    )


# --- integrations


def function_of(uri: str) -> str | None:
    """The function's ARN in an integration's URI (bare, or as a path of API Gateway); None for others.

    Stage variables may stand anywhere in it.
    """
    match = _INVOCATION.fullmatch(uri)
    arn = match["function"] if match is not None else uri
    plain = _STAGE_VARIABLE.sub("x", arn)
    return arn if _FUNCTION.fullmatch(plain) else None


def with_stage_variables(uri: str, variables: Mapping[str, str]) -> str:
    """A variable that the stage does not have becomes nothing."""
    return _STAGE_VARIABLE.sub(lambda match: variables.get(match[1], ""), uri)


def refuse_credentials(given: str | None) -> None:
    """Functions are invoked by their own policies' leave, not as a role of the integration's.

    Raises: NotBuilt.
    """
    if given:
        raise NotBuilt(what=f"integrations with credentials ({given})")


def check_timeout(timeout_ms: int, maximum_ms: int) -> int:
    """Raises: BadRequestException."""
    if not limits.TIMEOUT_MS_MIN <= timeout_ms <= maximum_ms:
        raise errors.BadRequestException(
            detail=f"Timeout should be between {limits.TIMEOUT_MS_MIN} ms and {maximum_ms} ms"
        )
    return timeout_ms


# --- stages


def check_stage_name(name: str, *, default: bool) -> str:
    """`default`: whether `$default` is a name too. Raises: BadRequestException."""
    if not (_STAGE_NAME.fullmatch(name) or (default and name == DEFAULT)):
        raise errors.BadRequestException(
            detail="Stage name only allows a-zA-Z0-9_-" + (" or $default" if default else "")
        )
    return name


def check_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Raises: BadRequestException."""
    for name, value in variables.items():
        if not _VARIABLE_NAME.fullmatch(name) or not _VARIABLE_VALUE.fullmatch(value):
            raise errors.BadRequestException(
                detail=f"Stage variable {name} contains illegal characters. Names take a-zA-Z0-9_ and"
                " values a-zA-Z0-9-._~:/?#&=,"
            )
    return dict(variables)


# --- tags, pages, members that only one value of is built


def check_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Raises: BadRequestException."""
    if len(tags) > limits.TAGS_PER_RESOURCE:
        raise errors.BadRequestException(
            detail=f"A resource may have at most {limits.TAGS_PER_RESOURCE} tags"
        )
    if any(key.lower().startswith("aws:") for key in tags):
        raise errors.BadRequestException(detail="Tag keys beginning with aws: are AWS's own")
    return dict(tags)


def page_size(given: str | None) -> int | None:
    """MaxResults is a text in this API. Raises: BadRequestException."""
    if given is None:
        return None
    if not _DIGITS.fullmatch(given):
        raise errors.BadRequestException(detail="MaxResults must be a number")
    return int(given)


def tagged_path(arn: str) -> list[str]:
    """The parts of the path in `arn:aws:apigateway:us-east-1::/apis/ID`. Raises: BadRequestException."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "apigateway" or not parts[5].startswith("/"):
        raise errors.BadRequestException(detail="Invalid resource ARN specified")
    return parts[5][1:].split("/")


def cut_page(
    names: Iterable[str], *, after: str | None, size: int | None
) -> tuple[list[str], str | None]:
    """One page of sorted names, and the token of the next. Raises: BadRequestException for a foreign token."""
    if size is not None and not 1 <= size <= limits.PAGE_SIZE_MAX:
        raise errors.BadRequestException(detail="Invalid value for the size of a page")
    start = ""
    if after is not None:
        try:
            start = str(key_of(after)[0])
        except (ValueError, IndexError):
            raise errors.BadRequestException(detail="Invalid position parameter") from None
    behind = (name for name in sorted(names) if name > start)
    page, more = page_of(behind, size or limits.PAGE_SIZE)
    return page, token_of((page[-1],)) if more else None


def only(what: str, given: object, *built: object) -> None:
    """Raises: NotBuilt for a value that AWS knows and pilvi does not do yet."""
    if given not in built:
        raise NotBuilt(what=f"{what} {given!r}")
