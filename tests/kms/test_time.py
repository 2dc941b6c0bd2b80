"""What time does to keys, by the moved clock: rotation, expiry, deletion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pilvi.base.arn import Scope
from pilvi.services.kms import records
from pilvi.store import sqlite_file
from pilvi.store.keys import span
from pilvi.store.sqlite_view import View
from servers import Server

from .refusals import refused
from .test_imports import bring, described, new_key, parameters, wrap

DAY_S = 86_400.0


class Timeline:
    """A server whose clock only these tests move."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.server.ask("GET", "/_pilvi/clock")["now_ms"] / 1000, UTC)

    def pass_days(self, days: float) -> None:
        by_ms = int(days * DAY_S * 1000)
        self.server.ask("POST", "/_pilvi/clock", {"action": "advance", "by_ms": by_ms})
        assert self.server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})["idle"]


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timeline]:
    server = Server(tmp_path_factory.mktemp("kms-time") / "data").start()
    server.ask("POST", "/_pilvi/clock", {"action": "freeze"})
    yield Timeline(server)
    assert server.stop() == 0


@pytest.fixture
def kms_in(timeline: Timeline, account: str) -> Callable[..., Any]:
    return lambda region="us-east-1": timeline.server.client("kms", account, region_name=region)


@pytest.fixture
def kms(kms_in: Callable[..., Any]) -> Any:
    return kms_in()


def made(kms: Any, **request: Any) -> str:
    return kms.create_key(**request)["KeyMetadata"]["KeyId"]


def days_between(one: datetime, two: datetime) -> float:
    return (two - one) / timedelta(days=1)


# --- rotation


def test_a_key_rotates_by_itself_and_still_decrypts_everything(
    kms: Any, timeline: Timeline
) -> None:
    key = made(kms)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], "NextRotationDate" in status) == (False, False)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)
    assert days_between(timeline.now(), status["NextRotationDate"]) == pytest.approx(90)
    blobs = [kms.encrypt(KeyId=key, Plaintext=b"0")["CiphertextBlob"]]
    timeline.pass_days(89.9)
    assert kms.list_key_rotations(KeyId=key)["Rotations"] == []
    for number in (b"1", b"2"):
        timeline.pass_days(90)
        blobs.append(kms.encrypt(KeyId=key, Plaintext=number)["CiphertextBlob"])
    back = [kms.decrypt(CiphertextBlob=blob) for blob in blobs]
    assert [one["Plaintext"] for one in back] == [b"0", b"1", b"2"]
    assert len({one["KeyMaterialId"] for one in back}) == 3
    assert described(kms, key)["CurrentKeyMaterialId"] == back[2]["KeyMaterialId"]
    rotations = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert [one["RotationType"] for one in rotations] == ["AUTOMATIC"] * 2
    assert days_between(rotations[0]["RotationDate"], rotations[1]["RotationDate"]) == 90
    listed = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    states = [one["KeyMaterialState"] for one in listed]
    assert states == ["NON_CURRENT", "NON_CURRENT", "CURRENT"]
    kms.disable_key_rotation(KeyId=key)
    timeline.pass_days(1000)
    assert len(kms.list_key_rotations(KeyId=key)["Rotations"]) == 2


def test_rotations_that_were_due_together_happen_one_by_one(kms: Any, timeline: Timeline) -> None:
    key = made(kms)
    kms.enable_key_rotation(KeyId=key)
    timeline.pass_days(365 * 3 + 1)
    dates = [one["RotationDate"] for one in kms.list_key_rotations(KeyId=key)["Rotations"]]
    assert [days_between(one, two) for one, two in pairwise(dates)] == [365, 365]


# AWS: a disabled key does not rotate; when it is enabled again it does at once, if it was due.
def test_a_disabled_key_rotates_when_it_is_enabled_again(kms: Any, timeline: Timeline) -> None:
    key = made(kms)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=100)
    kms.disable_key(KeyId=key)
    timeline.pass_days(150)
    assert kms.list_key_rotations(KeyId=key)["Rotations"] == []
    kms.enable_key(KeyId=key)
    timeline.pass_days(0)
    assert len(kms.list_key_rotations(KeyId=key)["Rotations"]) == 1


def test_rotation_on_demand_leaves_the_schedule_alone(kms: Any, timeline: Timeline) -> None:
    key = made(kms)
    kms.enable_key_rotation(KeyId=key)
    before = kms.get_key_rotation_status(KeyId=key)["NextRotationDate"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    first = described(kms, key)["CurrentKeyMaterialId"]
    timeline.pass_days(10)
    for _ in range(25):
        assert kms.rotate_key_on_demand(KeyId=key)["KeyId"].endswith(key)
    assert kms.get_key_rotation_status(KeyId=key)["NextRotationDate"] == before
    arn = described(kms, key)["Arn"]
    refused(
        "LimitExceededException",
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be"
        f" performed for this key: {arn}",
        kms.rotate_key_on_demand,
        KeyId=key,
    )
    assert kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] == first
    pages = list(kms.get_paginator("list_key_rotations").paginate(KeyId=key, Limit=10))
    listed = [one for page in pages for one in page["Rotations"]]
    assert [len(page["Rotations"]) for page in pages] == [10, 10, 5]
    assert len({one["KeyMaterialId"] for one in listed}) == 25
    assert listed[-1]["KeyMaterialState"] == "CURRENT"


def test_keys_that_cannot_rotate(kms: Any) -> None:
    pair = made(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    for call in (kms.enable_key_rotation, kms.rotate_key_on_demand, kms.get_key_rotation_status):
        refused("UnsupportedOperationException", "", call, KeyId=pair)
    kms.disable_key(KeyId=pair)  # recorded of AWS: told before that it cannot rotate
    words = f"{described(kms, pair)['Arn']} is disabled."
    refused("DisabledException", words, kms.rotate_key_on_demand, KeyId=pair)
    key = made(kms)
    for days in (89, 2561):
        call = kms.enable_key_rotation
        refused("ValidationException", None, call, KeyId=key, RotationPeriodInDays=days)


# --- deletion


def test_a_key_is_gone_when_its_time_has_come(kms: Any, timeline: Timeline, account: str) -> None:
    key = made(kms)
    kms.create_alias(AliasName="alias/doomed", TargetKeyId=key)
    who = f"arn:aws:iam::{account}:user/ann"
    kms.create_grant(KeyId=key, GranteePrincipal=who, RetiringPrincipal=who, Operations=["Encrypt"])
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kept_of(timeline, account, key) == 1
    told = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=10)
    assert days_between(timeline.now(), told["DeletionDate"]) == pytest.approx(10)
    timeline.pass_days(9.9)
    assert described(kms, key)["KeyState"] == "PendingDeletion"
    timeline.pass_days(0.2)
    refused("NotFoundException", None, kms.describe_key, KeyId=key)
    refused("NotFoundException", None, kms.cancel_key_deletion, KeyId=key)
    words = refused("AccessDeniedException", None, kms.decrypt, CiphertextBlob=blob)
    assert "on the resource associated with this ciphertext because the resource does not" in words
    assert kept_of(timeline, account, key) == 0
    assert kms.list_keys()["Keys"] == []
    assert kms.list_aliases()["Aliases"] == []
    assert kms.list_retirable_grants(RetiringPrincipal=who)["Grants"] == []


def kept_of(timeline: Timeline, account: str, key: str) -> int:
    """How many records of a key's material the store holds."""
    with closing(sqlite_file.open_reader(timeline.server.data / "pilvi.db")) as reader:
        bounds = span(records.key_home(Scope(account, "us-east-1"), key))
        return len(list(View(reader.cursor()).scan(*bounds)))


def test_a_cancelled_deletion_does_not_happen(kms: Any, timeline: Timeline) -> None:
    key = made(kms)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    timeline.pass_days(6)
    kms.cancel_key_deletion(KeyId=key)
    timeline.pass_days(10)
    assert described(kms, key)["KeyState"] == "Disabled"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=30)
    timeline.pass_days(29)
    assert described(kms, key)["KeyState"] == "PendingDeletion"


# AWS: a primary key waits for its replicas, and only then does its own period begin.
def test_a_primary_key_outlives_its_replicas(
    kms_in: Callable[..., Any], timeline: Timeline
) -> None:
    here, there = kms_in(), kms_in("eu-west-1")
    key = made(here, MultiRegion=True)
    here.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    told = here.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert told["KeyState"] == "PendingReplicaDeletion"
    assert "DeletionDate" not in told
    assert described(here, key)["PendingDeletionWindowInDays"] == 7
    refused("KMSInvalidStateException", None, here.encrypt, KeyId=key, Plaintext=b"x")
    timeline.pass_days(100)
    assert described(here, key)["KeyState"] == "PendingReplicaDeletion"
    assert there.encrypt(KeyId=key, Plaintext=b"x")
    there.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    timeline.pass_days(7.1)
    refused("NotFoundException", None, there.describe_key, KeyId=key)
    assert described(here, key)["KeyState"] == "PendingDeletion"
    assert described(here, key)["MultiRegionConfiguration"]["ReplicaKeys"] == []
    timeline.pass_days(7.1)
    refused("NotFoundException", None, here.describe_key, KeyId=key)


# --- imported material


def test_imported_material_expires(kms: Any, timeline: Timeline) -> None:
    key = new_key(kms)
    valid_to = timeline.now() + timedelta(days=30)
    expiring = {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": valid_to}
    bring(kms, key, b"1" * 32, **expiring)
    told = described(kms, key)
    assert told["ExpirationModel"] == "KEY_MATERIAL_EXPIRES"
    assert abs(told["ValidTo"] - valid_to) < timedelta(seconds=1)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    timeline.pass_days(29.9)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    timeline.pass_days(0.2)
    assert described(kms, key)["KeyState"] == "PendingImport"
    refused("KMSInvalidStateException", None, kms.decrypt, CiphertextBlob=blob)
    listed = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [one["ImportState"] for one in listed] == ["PENDING_IMPORT"]
    bring(kms, key, b"1" * 32)
    timeline.pass_days(400)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


@pytest.mark.parametrize("days", [-1, 366])
def test_material_is_valid_for_at_most_a_year(kms: Any, timeline: Timeline, days: int) -> None:
    request = {
        "ExpirationModel": "KEY_MATERIAL_EXPIRES",
        "ValidTo": timeline.now() + timedelta(days=days),
    }
    key = new_key(kms)
    refused("ValidationException", None, bring, kms=kms, key=key, material=bytes(32), **request)


def test_an_import_token_lasts_a_day(kms: Any, timeline: Timeline) -> None:
    key = new_key(kms)
    given = parameters(kms, key)
    assert days_between(timeline.now(), given["ParametersValidTo"]) == pytest.approx(1)
    timeline.pass_days(1.01)
    refused(
        "ExpiredImportTokenException",
        None,
        kms.import_key_material,
        KeyId=key,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrap(given["PublicKey"], bytes(32)),
        ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
    )


# A key that is gone leaves nothing behind, and nothing is broken by all that happened here.
def test_the_store_is_whole_after_all_this(timeline: Timeline, tmp_path: Path) -> None:
    from pilvi.app import load_services
    from pilvi.store.check import check

    load_services()
    assert [one for one in check(timeline.server.data) if one.severity == "damage"] == []
