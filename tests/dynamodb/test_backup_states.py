"""While a backup or a restore is under way: handlers on a store, where jobs run when the test says so."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from pilvi.base.arn import Scope
from pilvi.base.entropy import Entropy
from pilvi.base.errors import AwsError
from pilvi.contracts.jobs import Job
from pilvi.identity.principal import root_of
from pilvi.kit.call import Call
from pilvi.services.dynamodb import dynamodb
from pilvi.services.dynamodb.changelog import DAY_MS
from pilvi.store.keys import unpack
from pilvi.store.memory import MemoryStore

SCOPE = Scope("000000000001", "us-east-1", "aws")
NOW_MS = 1_800_000_000_000


class Outbox:
    """Keeps the jobs that wait."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, Job]] = []

    def emit(self, tx: Any, fact: Any) -> None: ...

    def deliver(self, tx: Any, arn: str, payload: bytes, source: Any) -> None: ...

    def at(self, tx: Any, due_ms: int, job: Job) -> None:
        self.waiting.append((due_ms, job))


class House:
    """DynamoDB's handlers over a store in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.outbox = self.store.outbox = Outbox()
        self.now_ms = NOW_MS
        self.cloud: Any = SimpleNamespace(
            entropy=Entropy(7), clock=SimpleNamespace(now_ms=lambda: self.now_ms)
        )

    async def ask(self, name: str, **req: Any) -> Any:
        operation = dynamodb.operations[name]
        root = root_of(SCOPE.account, SCOPE.account)
        call = Call(self.cloud, "dynamodb", name, SCOPE, root, "request", self.now_ms)
        return await self.store.write(lambda tx: operation.handler(call, tx, req))

    async def refusal(self, name: str, **req: Any) -> str:
        with pytest.raises(AwsError) as refused:
            await self.ask(name, **req)
        return refused.value.code

    async def work(self) -> bool:
        """Run the first job that is due. Gives whether there was one."""
        for number, (due_ms, job) in enumerate(self.outbox.waiting):
            if due_ms <= self.now_ms:
                del self.outbox.waiting[number]
                await self.store.write(await dynamodb.jobs[job.kind].handle(self.cloud, job))
                return True
        return False


async def fill(house: House, items: int) -> None:
    await house.ask(
        "CreateTable",
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(items):
        await house.ask("PutItem", TableName="things", Item={"pk": {"S": str(number)}})


def test_a_backup_under_way() -> None:
    """It can be neither deleted nor restored, and its table not be deleted; another can be made beside it."""

    async def run() -> None:
        house = House()
        await fill(house, 150)
        made = await house.ask("CreateBackup", TableName="things", BackupName="one")
        arn = made["BackupDetails"]["BackupArn"]
        told = await house.ask("DescribeBackup", BackupArn=arn)
        assert told["BackupDescription"]["BackupDetails"]["BackupStatus"] == "CREATING"
        assert await house.refusal("DeleteBackup", BackupArn=arn) == "BackupInUseException"
        asked = {"BackupArn": arn, "TargetTableName": "again"}
        assert await house.refusal("RestoreTableFromBackup", **asked) == "BackupInUseException"
        assert await house.refusal("DeleteTable", TableName="things") == "ResourceInUseException"
        await house.ask("DeleteItem", TableName="things", Key={"pk": {"S": "7"}})
        await house.ask("CreateBackup", TableName="things", BackupName="two")
        while await house.work():
            pass
        told = await house.ask("DescribeBackup", BackupArn=arn)
        assert told["BackupDescription"]["BackupDetails"]["BackupStatus"] == "AVAILABLE"
        counts = [
            (await house.ask("DescribeBackup", BackupArn=one["BackupArn"]))["BackupDescription"]
            for one in (await house.ask("ListBackups"))["BackupSummaries"]
        ]
        assert sorted(one["SourceTableDetails"]["ItemCount"] for one in counts) == [149, 150]
        await house.ask("DeleteTable", TableName="things")

    asyncio.run(run())


def test_a_restore_under_way() -> None:
    """Its table is CREATING: told so, out of reach, not to be changed; its backup stays until it is done."""

    async def run() -> None:
        house = House()
        await fill(house, 150)
        made = await house.ask("CreateBackup", TableName="things", BackupName="one")
        arn = made["BackupDetails"]["BackupArn"]
        while await house.work():
            pass
        await house.ask("RestoreTableFromBackup", BackupArn=arn, TargetTableName="again")
        table = (await house.ask("DescribeTable", TableName="again"))["Table"]
        assert table["TableStatus"] == "CREATING"
        assert table["RestoreSummary"]["RestoreInProgress"] is True
        key = {"TableName": "again", "Key": {"pk": {"S": "1"}}}
        assert await house.refusal("GetItem", **key) == "ResourceNotFoundException"
        assert await house.refusal("DeleteTable", TableName="again") == "ResourceInUseException"
        backup = {"TableName": "again", "BackupName": "two"}
        assert await house.refusal("CreateBackup", **backup) == "TableInUseException"
        recovery = {
            "TableName": "again",
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        }
        unavailable = "ContinuousBackupsUnavailableException"
        assert await house.refusal("UpdateContinuousBackups", **recovery) == unavailable
        asked = {"BackupArn": arn, "TargetTableName": "again"}
        exists = "TableAlreadyExistsException"
        assert await house.refusal("RestoreTableFromBackup", **asked) == exists
        assert await house.refusal("DeleteBackup", BackupArn=arn) == "BackupInUseException"
        await house.work()
        table = (await house.ask("DescribeTable", TableName="again"))["Table"]
        assert (table["TableStatus"], table["ItemCount"]) == ("ACTIVE", 150)
        assert table["RestoreSummary"]["RestoreInProgress"] is False
        await house.ask("DeleteBackup", BackupArn=arn)
        assert await house.ask("GetItem", **key)

    asyncio.run(run())


def test_a_table_deleted_while_it_is_restored_from() -> None:
    """Its items stay until the restore is done; then nothing of it is left."""

    async def run() -> None:
        house = House()
        await fill(house, 150)
        on = {"PointInTimeRecoveryEnabled": True}
        await house.ask(
            "UpdateContinuousBackups", TableName="things", PointInTimeRecoverySpecification=on
        )
        await house.ask(
            "RestoreTableToPointInTime",
            SourceTableName="things",
            TargetTableName="again",
            UseLatestRestorableTime=True,
        )
        off = {"PointInTimeRecoveryEnabled": False}
        await house.ask("DeleteItem", TableName="things", Key={"pk": {"S": "7"}})
        await house.ask(
            "UpdateContinuousBackups", TableName="things", PointInTimeRecoverySpecification=off
        )
        await house.ask("DeleteTable", TableName="things")
        while await house.work():
            pass
        table = (await house.ask("DescribeTable", TableName="again"))["Table"]
        assert (table["TableStatus"], table["ItemCount"]) == ("ACTIVE", 150)
        await house.ask("DeleteTable", TableName="again")
        while await house.work():
            pass
        left = await house.store.read(lambda at: [key for key, _ in at.scan(b"", b"\xff")])
        assert left == []

    asyncio.run(run())


def test_old_days_are_removed() -> None:
    """Of a table that is written every day, no more days are kept than the recovery period needs."""

    async def run() -> None:
        house = House()
        await fill(house, 1)
        on = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 3}
        recovery = {"TableName": "things", "PointInTimeRecoverySpecification": on}
        await house.ask("UpdateContinuousBackups", **recovery)

        def entries(at: Any) -> int:
            return sum("h" in unpack(key) for key, _ in at.scan(b"", b"\xff"))

        for day in range(12):
            item = {"pk": {"S": "0"}, "day": {"N": str(day)}}
            await house.ask("PutItem", TableName="things", Item=item)
            house.now_ms += DAY_MS
            while await house.work():
                pass
            assert await house.store.read(entries) == min(day + 1, 3)
        on["RecoveryPeriodInDays"] = 1
        await house.ask("UpdateContinuousBackups", **recovery)
        while await house.work():
            pass
        assert await house.store.read(entries) == 1
        on["PointInTimeRecoveryEnabled"] = False
        await house.ask("UpdateContinuousBackups", **recovery)
        while await house.work():
            pass
        assert await house.store.read(entries) == 0

    asyncio.run(run())
