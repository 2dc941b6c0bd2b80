"""A function that S3 tells what happened, and which writes it into its log."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

ARN = "arn:aws:lambda:us-east-1:{account}:function:told"
LISTENER = "import json\ndef handler(event, context):\n    print('TOLD ' + json.dumps(event))\n"


def zipped(source: str) -> bytes:
    """A package with one file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("app.py", source)
    return made.getvalue()


def listen(client: Callable[..., Any], account: str, clock: Any) -> Callable[[], list[Any]]:
    """Make the function; gives what tells its events so far, in the order in which they happened."""
    functions, logs = client("lambda"), client("logs")
    functions.create_function(
        FunctionName="told",
        Code={"ZipFile": zipped(LISTENER)},
        Runtime="python3.11",
        Handler="app.handler",
        Role=f"arn:aws:iam::{account}:role/r",
    )
    functions.add_permission(
        FunctionName="told",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
    )

    def read() -> list[Any]:
        clock.wait_until_idle()
        found = logs.filter_log_events(logGroupName="/aws/lambda/told", filterPattern="TOLD")
        lines = [one["message"].partition("TOLD ")[2] for one in found["events"]]
        records = [json.loads(line)["Records"][0] for line in lines]
        return sorted(records, key=lambda record: record["s3"]["object"].get("sequencer", ""))

    return read
