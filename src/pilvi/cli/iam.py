"""`pilvi iam`: who one is, why something was decided, what policies lack, and the least that would do.

The running server answers (`/_pilvi/iam/...`); without one, `explain` reads its log.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from pilvi.base.errors import PilviError
from pilvi.cli.clock import duration_ms
from pilvi.cli.remote import (
    DEFAULT_DATA,
    Remote,
    data_option,
    find,
    find_running,
    json_option,
    print_json,
)
from pilvi.kit.settings import DEFAULT_ACCOUNT, DEFAULT_REGION

_DENIAL = re.compile(r"pilvi\.iam: request (\S+) (is|would be) denied: (.*)")
_TRIES = 4
"""For each worker: recent permissions are known to the one that gave them."""

account_option = click.option(
    "--account", default=DEFAULT_ACCOUNT, show_default=True, help="The account it is in."
)


@click.group()
def iam() -> None:
    """Tell who one is, why something was decided, and what policies lack."""


# --- whoami


@iam.command()
@click.option("--profile", default=None, help="A profile of the AWS configuration.")
@click.option("--url", default=None, help="The server's address.  [default: the data directory's]")
@data_option
@json_option
def whoami(profile: str | None, url: str | None, data: Path | None, as_json: bool) -> None:
    """Who the credentials in the environment are, and which policies stand for them."""
    remote = find(data) if url is None else Remote.at(url)
    identity, access_key_id = _caller_identity(remote, profile)
    told = {
        "arn": identity["Arn"],
        "account": identity["Account"],
        "user_id": identity["UserId"],
        **remote.ask("POST", "/_pilvi/iam/whois", {"access_key_id": access_key_id}),
    }
    if as_json:
        print_json(told)
        return
    click.echo(f"{told['arn']}  (account {told['account']})")
    for line in _standing(told):
        click.echo(f"  {line}")


def _standing(told: dict[str, Any]) -> Iterator[str]:
    if not told["issued"]:
        yield "assumed: this cloud did not issue the key; in the open mode it is root of its account"
    else:
        yield "verified: this cloud issued the key"
    if told.get("root") or not told["issued"]:
        yield "root needs no policies in its account"
    elif not told["role_exists"]:
        yield "the role does not exist, and acts as root of its account (open mode)"
    else:
        yield from told["policies"] or ["no policy stands for it: it may do nothing"]
        yield from (f"limited by {one}" for one in told.get("session_policies", ()))
        if told["boundary"]:
            yield f"limited by {told['boundary']}"
    modes = {
        "enforce": "policies decide",
        "audit": "what policies would deny is allowed, and told",
        "off": "policies are not asked",
    }
    yield f"the server: --auth {told['auth']}, --iam {told['iam']} ({modes[told['iam']]})"


def _caller_identity(remote: Remote, profile: str | None) -> tuple[dict[str, Any], str]:
    """What STS says, and the key that asked. Raises: PilviError."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        session: Any = boto3.Session(profile_name=profile)
        credentials = session.get_credentials()
        if credentials is None:
            raise PilviError(
                "there are no credentials in the environment.", 'Get some: eval "$(pilvi env)".'
            )
        sts = session.client(
            "sts",
            endpoint_url=remote.url,
            region_name=session.region_name or DEFAULT_REGION,
            verify=str(remote.ca) if remote.ca else None,
        )
        identity: dict[str, Any] = sts.get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise PilviError(f"{remote.url} does not know the caller: {error}") from None
    return identity, str(credentials.access_key)


# --- explain


@iam.command()
@click.argument("request_id")
@data_option
@json_option
def explain(request_id: str, data: Path | None, as_json: bool) -> None:
    """Which statement allowed or denied a request, and what would allow it."""
    remote = find_running(data)
    decisions = [] if remote is None else _decisions(remote, request_id)
    if not decisions:
        decisions = [_of_line(*found) for found in _denials(data) if found[0] == request_id]
    if as_json:
        print_json(decisions)
        return
    for one in decisions:
        _tell(one)
    if not decisions:
        click.echo(
            f"No decision about {request_id} is known: it is long ago, or asked for nothing."
            f" `pilvi trace {request_id}` tells what it caused."
        )


def _decisions(remote: Remote, request_id: str) -> list[dict[str, Any]]:
    path = f"/_pilvi/iam/explain/{quote(request_id, safe='')}"
    workers = remote.ask("GET", "/_pilvi/status")["workers"]
    for _ in range(1 if workers == 1 else _TRIES * workers):
        found = remote.ask("GET", path)["decisions"]
        if found:
            return found
    return []


def _tell(one: dict[str, Any]) -> None:
    first, *reasons = one["lines"]
    if one["outcome"] == "let pass":
        first += "  (--iam audit let it pass)"
    click.echo(first)
    for reason in reasons:
        click.echo(f"  {reason}")
    if one["remedies"]:
        together = " (all of these are needed)" if len(one["remedies"]) > 1 else ""
        click.echo(f"To allow it{together}:")
        for remedy in one["remedies"]:
            click.echo(f"  {_remedy(remedy, indent=2)}")


def _remedy(remedy: dict[str, Any], *, indent: int | None = None) -> str:
    if remedy["statement"] is None:
        return remedy["where"]
    statement = json.dumps(remedy["statement"], indent=indent)
    if indent is not None:
        statement = statement.replace("\n", "\n  ")
    return f"{remedy['where']}: {statement}"


def _of_line(_: str, how: str, told: str) -> dict[str, Any]:
    """As the server tells decisions; the log does not say what would help."""
    outcome = "denied" if how == "is" else "let pass"
    return {"outcome": outcome, "lines": told.split("; "), "remedies": []}


def _denials(data: Path | None) -> Iterator[tuple[str, str, str]]:
    """(request id, "is" or "would be", what was told), the oldest first. Raises: PilviError."""
    folder = (data or DEFAULT_DATA) / "logs"
    files = sorted(folder.glob("pilvi*.log*"), key=lambda path: path.stat().st_mtime)
    if not files:
        raise PilviError(f"there is no log in {folder}.", "Start the server with `pilvi up`.")
    for path in files:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                match = _DENIAL.search(line)
                if match is not None:
                    yield match[1], match[2], match[3]


# --- report


@iam.command()
@data_option
@json_option
@click.option("--fail-if-any", is_flag=True, help="End with status 1 when there is anything.")
def report(data: Path | None, as_json: bool, fail_if_any: bool) -> None:
    """What `--iam audit` let pass and policies would deny, the most frequent first."""
    denials = find(data).ask("GET", "/_pilvi/iam/report")["denials"]
    if as_json:
        print_json(denials)
    for one in () if as_json else denials:
        click.echo(f"{one['count']:>6}  {one['who']} may not {one['action']} on {one['resource']}")
        for remedy in one["remedies"]:
            click.echo(f"        {_remedy(remedy)}")
    if not denials and not as_json:
        click.echo("Nothing was let pass that policies would deny.")
    if denials and fail_if_any:
        sys.exit(1)


# --- generate


@iam.command()
@click.option("--role", default=None, help="The role's name or ARN.")
@click.option("--user", default=None, help="The user's name or ARN.")
@account_option
@click.option("--since", default=None, help="Only what it did in this time, for example 1h.")
@click.option(
    "--wildcards", is_flag=True, help="Objects by their first folder, log streams by their group."
)
@data_option
@json_option
def generate(
    role: str | None,
    user: str | None,
    account: str,
    since: str | None,
    wildcards: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """The least-privilege policy for what a role or user was observed to do, verified by trying it.

    The policy goes to standard output, what was verified to standard error. With --json all of it is one document.
    """
    if (role is None) == (user is None):
        raise PilviError("name either --role or --user.")
    remote = find(data)
    asked: dict[str, Any] = {"account": account, "wildcards": wildcards}
    asked |= {"role": role} if role is not None else {"user": user}
    if since is not None:
        asked["since_ms"] = remote.ask("GET", "/_pilvi/clock")["now_ms"] - duration_ms(since)
    made = remote.ask("POST", "/_pilvi/iam/generate", asked)
    if as_json:
        print_json(made)
    else:
        for policy in made["policies"]:
            print_json(policy)
        for line in _verified(made):
            click.echo(line, err=True)
    if made["failed"] or not made["policies"]:
        sys.exit(1)


def _verified(made: dict[str, Any]) -> Iterator[str]:
    observed, verified, left_out = made["observed"], made["verified"], made["left_out"]
    if not made["policies"]:
        yield f"{made['arn']} was not observed to do anything that needs permission."
    else:
        sizes = " and ".join(f"{size:,}" for size in made["sizes"])
        yield (
            f"{made['arn']}: {observed['calls']:,} calls of {observed['kinds']:,} kinds;"
            f" policies of {sizes} characters (AWS allows 6,144 each)."
        )
        yield (
            f"Verified: all {verified['allowed']:,} observed kinds of calls are allowed,"
            f" {verified['refused']:,} others are refused."
        )
    for one in made["widened"]:
        yield f"Wider than observed, for it was too many resources to keep: {one}"
    for one in left_out["denied"]:
        yield f"Left out, for it was denied: {one}"
    for one in made["failed"]:
        yield f"FAILED: {one}"


# --- admin-key


@iam.command("admin-key")
@account_option
@click.option("--root", is_flag=True, help="Of the root user, for what only root may.")
@click.option("--replace", is_flag=True, help="In the place of the oldest, when there are two.")
@data_option
@json_option
def admin_key(account: str, root: bool, replace: bool, data: Path | None, as_json: bool) -> None:
    """Make another administrator's access key, when the first is lost. It is shown once."""
    asked = {"account": account, "root": root, "replace": replace}
    made = find(data).ask("POST", "/_pilvi/iam/admin-key", asked)
    if as_json:
        print_json(made)
        return
    click.echo(f"export AWS_ACCESS_KEY_ID={made['access_key_id']}")
    click.echo(f"export AWS_SECRET_ACCESS_KEY={made['secret_access_key']}")
    if os.isatty(1):
        click.echo("It is shown once.", err=True)
