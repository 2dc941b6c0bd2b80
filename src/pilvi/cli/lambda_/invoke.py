"""`pilvi lambda invoke`: run a function now and see its answer, what it wrote, and what is wrong with it."""

from __future__ import annotations

import base64
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import click

from pilvi.base.errors import PilviError
from pilvi.cli.asking import Asked, Cloud, asking, cloud_of
from pilvi.cli.lambda_.failures import explain
from pilvi.cli.lambda_.logs import painted
from pilvi.cli.lambda_.mistakes import Files, files_of
from pilvi.cli.remote import json_option, print_json

_PACKAGE_BYTES_MAX = 64 * 1024 * 1024
"""Of a package that is fetched only to say what is wrong with it."""
_LINE_SHOWN = 60


@click.command()
@click.argument("name")
@click.argument("payload", required=False)
@click.option("--qualifier", default=None, help="A version or an alias.")
@click.option(
    "--event", is_flag=True, help="Do not wait: it is run later, and tried again when it fails."
)
@click.option(
    "--tail/--no-tail",
    default=True,
    help="Show the end of its log, on standard error.  [default: tail]",
)
@asking
@json_option
def invoke(
    name: str,
    payload: str | None,
    qualifier: str | None,
    event: bool,
    tail: bool,
    data: Path | None,
    profile: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Run the function NAME and print its answer; the exit status is 1 when it failed.

    PAYLOAD is JSON, or @FILE, or "-" for standard input; {} when it is left out.
    """
    asked: dict[str, Any] = {"FunctionName": name, "Payload": read_payload(payload)}
    if qualifier is not None:
        asked["Qualifier"] = qualifier
    if event:
        asked["InvocationType"] = "Event"
    else:
        asked["LogType"] = "Tail"
    with cloud_of(Asked(data, profile, region)) as cloud:
        try:
            response = cloud.functions.invoke(**asked)
        except cloud.functions.exceptions.ResourceNotFoundException:
            raise cloud.no_function(name, qualifier) from None
        answer: bytes = response["Payload"].read()
        log = base64.b64decode(response.get("LogResult", "")).decode(errors="replace")
        failed = "FunctionError" in response
        advice = _advice(cloud, name, qualifier, answer) if failed else None
    request_id = response["ResponseMetadata"]["RequestId"]
    if as_json:
        print_json(
            {
                "request_id": request_id,
                "status": response["StatusCode"],
                "executed_version": response.get("ExecutedVersion"),
                "function_error": response.get("FunctionError"),
                "answer": _parsed(answer),
                "log": log.splitlines(),
                "advice": advice,
            }
        )
        sys.exit(1 if failed else 0)
    if event:
        click.echo(
            f"accepted: `pilvi lambda logs {name} --request {request_id}` shows what comes of it"
        )
        return
    if tail:
        for line in log.splitlines():
            click.echo(painted(line), err=True)
    if answer:
        parsed = _parsed(answer)
        click.echo(json.dumps(parsed, indent=2, ensure_ascii=False))
    if failed:
        click.secho(f"pilvi: {name} failed.", fg="red", err=True)
        if advice is not None:
            click.echo(advice, err=True)
        sys.exit(1)


def read_payload(given: str | None) -> bytes:
    """What is sent. Raises: PilviError when it is no JSON."""
    where, content = "the payload", (given or "{}").encode()
    if given == "-":
        where, content = "standard input", sys.stdin.buffer.read()
    elif given is not None and given.startswith("@"):
        where = given[1:]
        try:
            content = Path(where).read_bytes()
        except OSError as problem:
            raise PilviError(f"{where} cannot be read: {problem.strerror}.") from None
    try:
        json.loads(content)
    except UnicodeDecodeError:
        raise PilviError(f"{where} is no JSON: it is not UTF-8.") from None
    except json.JSONDecodeError as problem:
        line = problem.doc.splitlines()[problem.lineno - 1] if problem.doc.strip() else ""
        begin = max(0, problem.colno - 1 - _LINE_SHOWN // 2)
        shown = line[begin : begin + _LINE_SHOWN]
        raise PilviError(
            f"{where} is no JSON: line {problem.lineno}, column {problem.colno}: {problem.msg}.",
            f"    {shown}\n    {' ' * (problem.colno - 1 - begin)}^\n"
            "A text is JSON in double quotes: '\"text\"'. A file is given as @FILE.",
        ) from None
    return content


def _parsed(answer: bytes) -> Any:
    """As it is, should it be no JSON: custom runtimes answer what they like."""
    try:
        return json.loads(answer) if answer else None
    except ValueError:
        return answer.decode(errors="replace")


def _advice(cloud: Cloud, name: str, qualifier: str | None, answer: bytes) -> str | None:
    function = cloud.find_function(name, qualifier)
    if function is None:
        return None

    def open_files() -> Files:
        return fetch_files(cloud, name, qualifier)

    return explain(_parsed(answer), function, open_files)


def fetch_files(cloud: Cloud, name: str, qualifier: str | None) -> Files:
    """The function's package, downloaded. Raises: PilviError."""
    import ssl
    import urllib.request
    from urllib.error import URLError

    asked = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}
    code = cloud.functions.get_function(**asked)["Code"]
    context = ssl.create_default_context(cafile=str(cloud.remote.ca)) if cloud.remote.ca else None
    try:
        with urllib.request.urlopen(code["Location"], timeout=60, context=context) as response:
            content = response.read(_PACKAGE_BYTES_MAX)
        return files_of(zipfile.ZipFile(io.BytesIO(content)))
    except (URLError, OSError, zipfile.BadZipFile) as problem:
        raise PilviError(f"the code of {name} cannot be fetched: {problem}") from None
