"""Batch jobs as tests make them and look at them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any


class Control:
    """Jobs of the test's account: `run` makes one and waits for its end."""

    def __init__(self, client: Any, account: str, bucket: str, s3: Any, clock: Any) -> None:
        self.client = client
        self.account = account
        self.bucket = bucket
        self.s3 = s3
        self.clock = clock
        self.role = f"arn:aws:iam::{account}:role/made-up"
        self.made = 0

    def manifest(self, *keys: str, fields: tuple[str, ...] = ("Bucket", "Key")) -> dict[str, Any]:
        lines = "".join(f"{self.bucket},{key}\n" for key in keys)
        put = self.s3.put_object(Bucket=self.bucket, Key="in/manifest.csv", Body=lines.encode())
        return {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": list(fields)},
            "Location": {
                "ObjectArn": f"arn:aws:s3:::{self.bucket}/in/manifest.csv",
                "ETag": put["ETag"],
            },
        }

    def create(self, operation: dict[str, Any], **more: Any) -> str:
        self.made += 1
        report = {
            "Bucket": f"arn:aws:s3:::{self.bucket}",
            "Format": "Report_CSV_20180820",
            "Enabled": True,
            "Prefix": "reports",
            "ReportScope": "AllTasks",
        }
        request: dict[str, Any] = {
            "AccountId": self.account,
            "ConfirmationRequired": False,
            "Operation": operation,
            "Report": report,
            "ClientRequestToken": f"token-{self.made}",
            "Priority": 10,
            "RoleArn": self.role,
            **more,
        }
        return self.client.create_job(**request)["JobId"]

    def describe(self, job: str) -> dict[str, Any]:
        return self.client.describe_job(AccountId=self.account, JobId=job)["Job"]

    def run(self, operation: dict[str, Any], **more: Any) -> dict[str, Any]:
        job = self.create(operation, **more)
        self.clock.wait_until_idle()
        return self.describe(job)

    def report(self, job: dict[str, Any]) -> dict[str, list[list[str]]]:
        """The rows of its report by status."""
        place = f"reports/job-{job['JobId']}/manifest.json"
        manifest = json.load(self.s3.get_object(Bucket=self.bucket, Key=place)["Body"])
        assert manifest["Format"] == "Report_CSV_20180820"
        rows: dict[str, list[list[str]]] = {}
        for one in manifest["Results"]:
            text = self.s3.get_object(Bucket=one["Bucket"], Key=one["Key"])["Body"].read().decode()
            rows.setdefault(one["TaskExecutionStatus"], []).extend(csv.reader(io.StringIO(text)))
        return rows
