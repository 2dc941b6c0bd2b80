"""What the tests of imports and exports share."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import Any

CREATION: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def creation(name: str, **more: Any) -> dict[str, Any]:
    return {"TableName": name, **CREATION, **more}


class Transfers:
    """Imports and exports of one account, with one bucket."""

    def __init__(self, ddb: Any, s3: Any, clock: Any, bucket: str) -> None:
        self.ddb, self.s3, self.clock, self.bucket = ddb, s3, clock, bucket

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def asked(self, prefix: str, table: str, **more: Any) -> dict[str, Any]:
        return {
            "S3BucketSource": {"S3Bucket": self.bucket, "S3KeyPrefix": prefix},
            "InputFormat": "DYNAMODB_JSON",
            "TableCreationParameters": creation(table),
            **more,
        }

    def start(self, prefix: str, table: str, **more: Any) -> str:
        """The ARN of a new import."""
        answer = self.ddb.import_table(**self.asked(prefix, table, **more))
        return answer["ImportTableDescription"]["ImportArn"]

    def told(self, arn: str) -> dict[str, Any]:
        return self.ddb.describe_import(ImportArn=arn)["ImportTableDescription"]

    def run(self, prefix: str, table: str, **more: Any) -> dict[str, Any]:
        """What is told of an import once it has ended."""
        arn = self.start(prefix, table, **more)
        self.clock.wait_until_idle()
        return self.told(arn)

    def items(self, table: str) -> dict[str, Any]:
        """By `pk`, whatever its type."""
        pages = self.ddb.get_paginator("scan").paginate(TableName=table)
        found = [item for page in pages for item in page["Items"]]
        return {next(iter(item["pk"].values())): item for item in found}

    # --- exports

    def recover(self, table: str) -> str:
        """Switch point-in-time recovery on; gives the table's ARN."""
        self.ddb.update_continuous_backups(
            TableName=table,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
        return self.ddb.describe_table(TableName=table)["Table"]["TableArn"]

    def begin(self, table_arn: str, **more: Any) -> dict[str, Any]:
        request = {"TableArn": table_arn, "S3Bucket": self.bucket, **more}
        return self.ddb.export_table_to_point_in_time(**request)["ExportDescription"]

    def told_of_export(self, arn: str) -> dict[str, Any]:
        return self.ddb.describe_export(ExportArn=arn)["ExportDescription"]

    def export(self, table_arn: str, **more: Any) -> dict[str, Any]:
        """What is told of an export once it has ended."""
        arn = self.begin(table_arn, **more)["ExportArn"]
        self.clock.wait_until_idle()
        return self.told_of_export(arn)

    def get(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def summary(self, told: dict[str, Any]) -> dict[str, Any]:
        """The summary of an export that has completed, held to its checksum."""
        assert told["ExportStatus"] == "COMPLETED", told
        return json.loads(self._checked(told["ExportManifest"]))

    def lines(self, told: dict[str, Any]) -> list[bytes]:
        """All lines of all data files, which are as the manifest says."""
        summary = self.summary(told)
        found: list[bytes] = []
        for line in self._checked(summary["manifestFilesS3Key"]).splitlines():
            file = json.loads(line)
            stored = self.s3.get_object(Bucket=self.bucket, Key=file["dataFileS3Key"])
            body = stored["Body"].read()
            assert stored["ETag"].strip('"') == file["etag"]
            assert base64.b64encode(hashlib.md5(body).digest()).decode() == file["md5Checksum"]
            lines = gzip.decompress(body).splitlines()
            assert len(lines) == file["itemCount"]
            found += lines
        assert len(found) == summary["itemCount"] == told["ItemCount"]
        return found

    def exported(self, told: dict[str, Any]) -> dict[str, Any]:
        """The items of a full export in JSON, by `pk`."""
        found = [json.loads(line) for line in self.lines(told)]
        assert all(list(one) == ["Item"] for one in found)
        return {one["Item"]["pk"]["S"]: one["Item"] for one in found}

    def _checked(self, key: str) -> bytes:
        body = self.get(key)
        checksum = self.get(key.replace(".json", ".md5"))
        assert base64.b64decode(checksum) == hashlib.md5(body).digest()
        return body


def counts(told: dict[str, Any]) -> tuple[int, int, int]:
    return told["ProcessedItemCount"], told["ImportedItemCount"], told["ErrorCount"]
