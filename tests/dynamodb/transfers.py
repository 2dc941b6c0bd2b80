"""What the tests of imports and exports share."""

from __future__ import annotations

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


def counts(told: dict[str, Any]) -> tuple[int, int, int]:
    return told["ProcessedItemCount"], told["ImportedItemCount"], told["ErrorCount"]
