"""S3 Select through the clients that read its event stream by themselves: the SDK for JavaScript and the AWS CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from persons import Person

HERE = Path(__file__).parent / "javascript"


def test_the_javascript_sdk_reads_records_statistics_and_errors(
    endpoint: str, ann: Person, account: str
) -> None:
    ann.client("s3").create_bucket(Bucket=f"select-js-{account}")
    ran = subprocess.run(
        ["node", "select.mjs", endpoint, f"select-js-{account}", *ann.keys.values()],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    inside = told.pop("inside")
    assert told == {
        "some": ['{"name":"ä"}\n', ["Records", "Progress", "Stats", "End"]],
        "stats": {"BytesScanned": 21, "BytesProcessed": 21, "BytesReturned": 14},
        "before": "MissingHeaders",
    }
    assert "CastFailed" in inside


def test_the_command_line_writes_the_records_into_a_file(
    endpoint: str, ann: Person, account: str, tmp_path: Path
) -> None:
    s3 = ann.client("s3")
    bucket = f"select-cli-{account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b'{"a": 1}\n{"a": 2}\n')
    words = ["s3api", "select-object-content", "--bucket", bucket, "--key", "k"]
    words += ["--expression", "SELECT s.a FROM S3Object s", "--expression-type", "SQL"]
    words += ["--input-serialization", '{"JSON": {"Type": "LINES"}}']
    words += ["--output-serialization", '{"CSV": {}}', str(tmp_path / "out")]
    ran = subprocess.run(
        [sys.executable, str(Path(sys.executable).parent / "aws"), *words],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": ann.keys["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": ann.keys["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "out").read_text() == "1\n2\n"
