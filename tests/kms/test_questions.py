"""What other services ask: data keys on behalf of a principal, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilvi.app import QUESTIONS
from pilvi.base.arn import Scope
from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.contracts.keys import KeyNotUsable, Keys, KeyUser
from pilvi.dispatch.dispatcher import Dispatcher
from pilvi.kit.cloud import Cloud
from pilvi.kit.settings import Settings
from pilvi.services.kms import access, records
from pilvi.services.kms.rules import conditions
from pilvi.services.kms.rules.grants import Asked, find_allowing
from pilvi.store.api import Transaction
from pilvi.store.blobs import Blobs
from pilvi.store.memory import MemoryStore
from pilvi.store.sealing import RootKeySource, Sealer

SCOPE = Scope("111122223333", "us-east-1")
BY = KeyUser(SCOPE, ("arn:aws:iam::111122223333:user/ann",), "s3")
STRANGER = KeyUser(Scope("999999999999", "us-east-1"), ("arn:aws:iam::999999999999:root",), "s3")
CONTEXT = {"aws:s3:arn": "arn:aws:s3:::bucket"}


def told(path: Path, story: Callable[[Cloud, Keys], Awaitable[None]]) -> None:
    async def run() -> None:
        store, entropy = MemoryStore(), Entropy()
        cloud = Cloud(
            Settings(data=path),
            store=store,
            blobs=Blobs(path, store, entropy=entropy),
            clock=Clock(),
            entropy=entropy,
            services={},
            questions=QUESTIONS,
        )
        cloud.bind(Sealer, Sealer(RootKeySource(None), entropy))
        Dispatcher(
            store, cloud.clock, entropy, resolve=cloud.registrations, consumers={}, run_dir=path
        )
        await story(cloud, cloud.ask(Keys))

    asyncio.run(run())


def test_a_data_key_comes_back(tmp_path: Path) -> None:
    async def story(_: Cloud, keys: Keys) -> None:
        made = await keys.generate_data_key("alias/aws/s3", CONTEXT, by=BY)
        assert len(made.plaintext) == 32
        assert made.plaintext not in made.ciphertext
        assert "plaintext" not in repr(made)
        back = await keys.decrypt(made.ciphertext, CONTEXT, by=BY)
        assert (back.plaintext, back.key_arn) == (made.plaintext, made.key_arn)
        described = await keys.describe("alias/aws/s3", by=BY)
        assert (described.arn, described.aws_managed) == (made.key_arn, True)
        assert (described.state, described.usage) == ("Enabled", "ENCRYPT_DECRYPT")
        again = await keys.generate_data_key(described.id, {}, by=BY, size_bytes=16)
        assert len(again.plaintext) == 16

    told(tmp_path, story)


def test_what_cannot_be_done_is_told_in_the_words_of_kms(tmp_path: Path) -> None:
    async def story(cloud: Cloud, keys: Keys) -> None:
        made = await keys.generate_data_key("alias/aws/s3", CONTEXT, by=BY)

        async def refused(code: str, asked: Awaitable[object]) -> None:
            with pytest.raises(KeyNotUsable) as error:
                await asked
            assert error.value.code == code

        await refused("InvalidCiphertextException", keys.decrypt(made.ciphertext, {}, by=BY))
        await refused("InvalidCiphertextException", keys.decrypt(b"x" * 200, CONTEXT, by=BY))
        await refused("AccessDeniedException", keys.decrypt(made.ciphertext, CONTEXT, by=STRANGER))
        await refused("AccessDeniedException", keys.describe(made.key_arn, by=STRANGER))
        await refused("NotFoundException", keys.generate_data_key("alias/none", {}, by=BY))
        await refused("NotFoundException", keys.describe("nonsense", by=BY))

        def disable(tx: Transaction) -> None:
            key = next(records.keys.scan(tx, records.home(SCOPE)))
            records.put_key(tx, msgspec.structs.replace(key, enabled=False))

        await cloud.store.write(disable)
        await refused("DisabledException", keys.decrypt(made.ciphertext, CONTEXT, by=BY))

    told(tmp_path, story)


# Two requests that need a service's key at once get one key.
def test_a_managed_key_is_made_once(tmp_path: Path) -> None:
    async def story(_: Cloud, keys: Keys) -> None:
        asked = [keys.generate_data_key("alias/aws/sqs", {}, by=BY) for _ in range(5)]
        made = await asyncio.gather(*asked)
        assert len({one.key_arn for one in made}) == 1

    told(tmp_path, story)


def test_a_decision_finds_what_it_needs_to_know(tmp_path: Path) -> None:
    async def story(cloud: Cloud, keys: Keys) -> None:
        key = await keys.describe("alias/aws/s3", by=BY)
        grant = records.Grant(
            key_id=key.id,
            id="g",
            token=b"t",
            created_ms=0,
            operations=("Decrypt",),
            grantee=BY.principals[0],
            issuing_account="a",
        )
        await cloud.store.write(lambda tx: records.grants.put(tx, records.home(SCOPE), grant))
        facts = await cloud.store.read(lambda at: access.find_facts(at, SCOPE, "alias/aws/s3"))
        assert facts is not None
        assert facts.arn == key.arn
        assert facts.conditions == {
            "kms:keyspec": ("SYMMETRIC_DEFAULT",),
            "kms:keyusage": ("ENCRYPT_DECRYPT",),
            "kms:keyorigin": ("AWS_KMS",),
            "kms:multiregion": ("false",),
            "kms:resourcealiases": ("alias/aws/s3",),
            "kms:requestalias": ("alias/aws/s3",),
        }
        assert "kms:ViaService" in facts.policy
        asked = Asked("Decrypt", frozenset(BY.principals))
        found = await cloud.store.read(
            lambda at: find_allowing(access.grants_of(at, SCOPE, key.arn), asked)
        )
        assert found == grant
        none = await cloud.store.read(lambda at: access.find_facts(at, SCOPE, "alias/none"))
        assert none is None

    told(tmp_path, story)


@pytest.mark.parametrize(
    ("action", "request_", "keys"),
    [
        (
            "kms:Encrypt",
            {"KeyId": "k", "EncryptionContext": {"Team": "a", "b": "2"}},
            {
                "kms:encryptioncontext:team": ("a",),
                "kms:encryptioncontext:b": ("2",),
                "kms:encryptioncontextkeys": ("Team", "b"),
            },
        ),
        (
            "kms:ReEncryptFrom",
            {
                "SourceEncryptionContext": {"a": "1"},
                "DestinationEncryptionContext": {"b": "2"},
                "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                "DestinationEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
            },
            {
                "kms:encryptionalgorithm": ("SYMMETRIC_DEFAULT",),
                "kms:encryptioncontext:a": ("1",),
                "kms:encryptioncontextkeys": ("a",),
            },
        ),
        (
            "kms:ReEncryptTo",
            {"SourceEncryptionContext": {"a": "1"}, "DestinationEncryptionContext": {"b": "2"}},
            {"kms:encryptioncontext:b": ("2",), "kms:encryptioncontextkeys": ("b",)},
        ),
        ("kms:GenerateDataKey", {"KeySpec": "AES_256"}, {}),
        (
            "kms:CreateKey",
            {
                "KeySpec": "RSA_2048",
                "MultiRegion": True,
                "Tags": [{"TagKey": "A", "TagValue": "1"}],
            },
            {
                "kms:keyspec": ("RSA_2048",),
                "kms:multiregion": ("true",),
                "aws:tagkeys": ("A",),
                "aws:requesttag/a": ("1",),
            },
        ),
        (
            "kms:CreateGrant",
            {"Operations": ["Encrypt", "Sign"], "Constraints": {"EncryptionContextSubset": {}}},
            {
                "kms:grantoperations": ("Encrypt", "Sign"),
                "kms:grantconstrainttype": ("EncryptionContextSubset",),
            },
        ),
        ("kms:UntagResource", {"TagKeys": ["a", "b"]}, {"aws:tagkeys": ("a", "b")}),
        (
            "kms:ScheduleKeyDeletion",
            {"PendingWindowInDays": 7},
            {"kms:schedulekeydeletionpendingwindowindays": ("7",)},
        ),
    ],
)
def test_what_a_request_tells_to_policies(
    action: str, request_: dict[str, Any], keys: dict[str, tuple[str, ...]]
) -> None:
    assert conditions.of_request(action, request_) == keys
