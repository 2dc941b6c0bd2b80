"""Whom the commands ask: clients of the running server, and the function that a person means."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from pilvi.base.errors import PilviError
from pilvi.cli.remote import Remote, data_option, find
from pilvi.kit.settings import DEFAULT_ACCOUNT, DEFAULT_REGION

F = TypeVar("F", bound=Callable[..., Any])

_NAMES_MAX = 1000
_READ_S = 930
"""Functions may take fifteen minutes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which server, and as whom: what `--data`, `--profile` and `--region` say."""

    data: Path | None
    profile: str | None
    region: str | None


def asking(command: F) -> F:
    """The options of `Asked`, for a command."""
    for option in (
        data_option,
        click.option(
            "--region",
            default=None,
            help=f"The region.  [default: the profile's, or {DEFAULT_REGION}]",
        ),
        click.option("--profile", default=None, help="A profile of the AWS configuration."),
    ):
        command = option(command)
    return command


class Cloud:
    """Clients of one server; each service's model is loaded when it is needed."""

    def __init__(self, remote: Remote, asked: Asked) -> None:
        import boto3

        self.remote = remote
        self._session: Any = boto3.Session(profile_name=asked.profile)
        self._region = asked.region or self._session.region_name or DEFAULT_REGION
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        from botocore.config import Config

        if service not in self._clients:
            keys: dict[str, str] = {}
            if self._session.get_credentials() is None:
                keys = {"aws_access_key_id": DEFAULT_ACCOUNT, "aws_secret_access_key": "pilvi"}
            self._clients[service] = self._session.client(
                service,
                endpoint_url=self.remote.url,
                region_name=self._region,
                verify=str(self.remote.ca) if self.remote.ca else None,
                config=Config(retries={"total_max_attempts": 1}, read_timeout=_READ_S),
                **keys,
            )
        return self._clients[service]

    @property
    def functions(self) -> Any:
        return self.client("lambda")

    def now_ms(self) -> int:
        """By the cloud's clock."""
        return self.remote.ask("GET", "/_pilvi/clock")["now_ms"]

    def find_function(self, name: str, qualifier: str | None = None) -> dict[str, Any] | None:
        """Its configuration. Raises: ClientError."""
        asked = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}
        try:
            return self.functions.get_function_configuration(**asked)
        except self.functions.exceptions.ResourceNotFoundException:
            return None

    def no_function(self, name: str, qualifier: str | None = None) -> PilviError:
        """What to say of a function that is not there."""
        if qualifier is not None and self.find_function(name) is not None:
            return PilviError(
                f"the function {name} has no version or alias {qualifier}.",
                f"See: aws lambda list-aliases --function-name {name}",
            )
        pages = self.functions.get_paginator("list_functions").paginate()
        every = (one["FunctionName"] for page in pages for one in page["Functions"])
        names = list(itertools.islice(every, _NAMES_MAX))
        near = difflib.get_close_matches(name, names, n=1)
        if near:
            advice = f"Did you mean {near[0]}?"
        elif names:
            shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
            advice = f"There are: {shown}"
        else:
            advice = (
                f"There are none here yet. `pilvi lambda watch {name} DIR` makes one of a folder."
            )
        return PilviError(f"there is no function {name}.", advice)


@contextmanager
def cloud_of(asked: Asked) -> Generator[Cloud]:
    """The server's refusals become sentences. Raises: PilviError."""
    from botocore.exceptions import BotoCoreError, ClientError

    remote = find(asked.data)
    try:
        yield Cloud(remote, asked)
    except ClientError as error:
        raise refusal(error) from None
    except BotoCoreError as error:
        raise PilviError(f"{remote.url}: {error}") from None


def refusal(error: Any) -> PilviError:
    """What to say of a ClientError."""
    told: dict[str, str] = error.response.get("Error", {})
    code = told.get("Code", "")
    text = f"{error.operation_name} was refused: {code}: {told.get('Message', '')}"
    advice = ""
    if code in ("AccessDeniedException", "AccessDenied"):
        request = error.response.get("ResponseMetadata", {}).get("RequestId", "REQUEST_ID")
        advice = f"`pilvi iam explain {request}` tells which permission is missing."
    elif code in ("UnrecognizedClientException", "InvalidSignatureException"):
        advice = "This server knows its own keys only: set AWS_ACCESS_KEY_ID and its secret, or --profile."
    return PilviError(text, advice)
