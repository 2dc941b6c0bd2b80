"""What other services ask: keys on behalf of a principal or for themselves, without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from pilvi.base.arn import Scope
from pilvi.contracts.keys import KeyNotUsable, caller_through, service_itself
from pilvi.kit.data_keys import KeptDataKeys
from pilvi.services.kms import access
from pilvi.services.kms.rules import conditions

from .clouds import SCOPE, Inside, told

CONTEXT = {"aws:s3:arn": "arn:aws:s3:::bucket"}
STRANGERS = Scope("999999999999", "us-east-1")
TABLE = "arn:aws:dynamodb:us-east-1:111122223333:table/t"


async def refused(code: str, asked: Awaitable[object]) -> str:
    with pytest.raises(KeyNotUsable) as error:
        await asked
    assert error.value.code == code, error.value
    assert error.value.denied is (code == "AccessDeniedException")
    return error.value.reason


def test_a_data_key_comes_back(tmp_path: Path) -> None:
    async def story(inside: Inside) -> None:
        keys, by = inside.keys, caller_through(inside.root(), "s3")
        made = await keys.generate_data_key("alias/aws/s3", CONTEXT, by=by)
        assert len(made.plaintext) == 32
        assert made.plaintext not in made.ciphertext
        assert "plaintext" not in repr(made)
        back = await keys.decrypt(made.ciphertext, CONTEXT, by=by)
        assert (back.plaintext, back.key_arn) == (made.plaintext, made.key_arn)
        assert "plaintext" not in repr(back)
        described = await keys.describe("alias/aws/s3", by=by)
        assert (described.arn, described.aws_managed) == (made.key_arn, True)
        assert (described.state, described.usage) == ("Enabled", "ENCRYPT_DECRYPT")
        again = await keys.generate_data_key(described.id, {}, by=by, size_bytes=16)
        assert len(again.plaintext) == 16
        sealed = await keys.encrypt("alias/aws/s3", b"secret", CONTEXT, by=by)
        opened = await keys.decrypt(sealed.ciphertext, CONTEXT, by=by, key=made.key_arn)
        assert opened.plaintext == b"secret"

    told(tmp_path, story)


# A key that a service has in the account is for that service's requests: the account's root cannot use it directly,
# nor does it serve another service, nor another account.
def test_a_managed_key_serves_through_its_service_alone(tmp_path: Path) -> None:
    async def story(inside: Inside) -> None:
        keys = inside.keys
        by = caller_through(inside.root(), "s3")
        made = await keys.generate_data_key("alias/aws/s3", CONTEXT, by=by)
        ann = await inside.user("ann")  # who may do nothing at all with KMS
        assert await keys.decrypt(made.ciphertext, CONTEXT, by=caller_through(ann, "s3"))
        through_sqs = caller_through(inside.root(), "sqs")
        await refused(
            "AccessDeniedException", keys.decrypt(made.ciphertext, CONTEXT, by=through_sqs)
        )
        await refused(
            "NotFoundException", keys.generate_data_key("alias/aws/dynamodb", CONTEXT, by=by)
        )
        foreign = caller_through(inside.root(STRANGERS), "s3")
        await refused("AccessDeniedException", keys.decrypt(made.ciphertext, CONTEXT, by=foreign))
        await refused("AccessDeniedException", keys.describe(made.key_arn, by=foreign))
        direct = {"CiphertextBlob": made.ciphertext, "EncryptionContext": CONTEXT}
        assert await inside.denied("Decrypt", direct)
        itself = service_itself("s3", SCOPE, source_arn="arn:aws:s3:::bucket")
        assert await keys.decrypt(made.ciphertext, CONTEXT, by=itself)
        other = service_itself("sqs", SCOPE, source_arn="arn:aws:sqs:us-east-1:111122223333:q")
        await refused("AccessDeniedException", keys.decrypt(made.ciphertext, CONTEXT, by=other))
        elsewhere = service_itself("s3", STRANGERS, source_arn="arn:aws:s3:::bucket")
        await refused("AccessDeniedException", keys.decrypt(made.ciphertext, CONTEXT, by=elsewhere))

    told(tmp_path, story)


# The decision is about the caller, and sees through whom the request comes.
def test_the_caller_must_be_allowed_through_the_service(tmp_path: Path) -> None:
    async def story(inside: Inside) -> None:
        keys, key = inside.keys, await inside.new_key()
        through = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
        called = {"ForAnyValue:StringEquals": {"aws:CalledVia": "s3.amazonaws.com"}}
        users = {
            "nobody": [],
            "direct": [{"Action": "kms:*", "Condition": {"Bool": {"aws:ViaAWSService": "false"}}}],
            "via": [{"Action": "kms:*", "Condition": through}],
            "called": [{"Action": "kms:GenerateDataKey", "Condition": called}],
        }
        calls = {name: await inside.user(name, *some) for name, some in users.items()}
        asked = {"KeyId": key, "NumberOfBytes": 32}
        for name, call in calls.items():
            by = caller_through(call, "s3")
            if name in ("via", "called"):
                assert await keys.generate_data_key(key, CONTEXT, by=by)
            else:
                await refused("AccessDeniedException", keys.generate_data_key(key, CONTEXT, by=by))
            assert await inside.denied("GenerateDataKey", asked, call) is (name != "direct")
        by = caller_through(calls["via"], "dynamodb")
        await refused("AccessDeniedException", keys.generate_data_key(key, CONTEXT, by=by))

    told(tmp_path, story)


def test_what_cannot_be_done_is_told_in_the_words_of_kms(tmp_path: Path) -> None:
    async def story(inside: Inside) -> None:
        keys, by, key = inside.keys, caller_through(inside.root(), "s3"), await inside.new_key()
        made = await keys.generate_data_key(key, CONTEXT, by=by)
        decrypt = keys.decrypt
        await refused("InvalidCiphertextException", decrypt(made.ciphertext, {}, by=by))
        await refused("InvalidCiphertextException", decrypt(b"x" * 200, CONTEXT, by=by))
        foreign = caller_through(inside.root(STRANGERS), "s3")
        await refused("AccessDeniedException", decrypt(made.ciphertext, CONTEXT, by=foreign))
        await refused("AccessDeniedException", keys.describe(made.key_arn, by=foreign))
        await refused("NotFoundException", keys.generate_data_key("alias/none", {}, by=by))
        await refused("NotFoundException", keys.describe("nonsense", by=by))
        other = await inside.new_key()
        await refused("IncorrectKeyException", decrypt(made.ciphertext, CONTEXT, by=by, key=other))
        await inside.ask("DisableKey", {"KeyId": key})
        await refused("DisabledException", decrypt(made.ciphertext, CONTEXT, by=by))
        await inside.ask("ScheduleKeyDeletion", {"KeyId": key})
        await refused("KMSInvalidStateException", decrypt(made.ciphertext, CONTEXT, by=by))

    told(tmp_path, story)


# Two requests that need a service's key at once get one key.
def test_a_managed_key_is_made_once(tmp_path: Path) -> None:
    async def story(inside: Inside) -> None:
        by = caller_through(inside.root(), "sqs")
        asked = [inside.keys.generate_data_key("alias/aws/sqs", {}, by=by) for _ in range(5)]
        made = await asyncio.gather(*asked)
        assert len({one.key_arn for one in made}) == 1

    told(tmp_path, story)


# A table outlives the session that made it: its service goes on by a grant, for this table and no other, until it
# ends that itself.
def test_a_service_goes_on_by_a_grant(tmp_path: Path) -> None:
    async def story(inside: Inside) -> None:
        keys, key = inside.keys, await inside.new_key()
        for_resources = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        maker = await inside.user(
            "maker",
            {"Action": "kms:CreateGrant", "Condition": for_resources},
            {"Action": ["kms:DescribeKey", "kms:GenerateDataKey"]},
        )
        by = caller_through(maker, "dynamodb")
        context = {"aws:dynamodb:tableName": "t"}
        made = await keys.generate_data_key(key, context, by=by)
        table = service_itself("dynamodb", SCOPE, source_arn=TABLE)
        await refused("AccessDeniedException", keys.decrypt(made.ciphertext, context, by=table))
        grant = await keys.entrust(
            key, ["Decrypt", "DescribeKey"], by=by, source_arn=TABLE, context=context
        )
        assert (await keys.decrypt(made.ciphertext, context, by=table)).plaintext == made.plaintext
        await refused("AccessDeniedException", keys.generate_data_key(key, context, by=table))
        another = service_itself("dynamodb", SCOPE, source_arn=f"{TABLE}2")
        await refused("AccessDeniedException", keys.decrypt(made.ciphertext, context, by=another))
        bucket = service_itself("s3", SCOPE, source_arn=TABLE)
        await refused("AccessDeniedException", keys.decrypt(made.ciphertext, context, by=bucket))
        other = {"aws:dynamodb:tableName": "u"}
        await refused("AccessDeniedException", keys.decrypt(made.ciphertext, other, by=table))
        # The maker may make grants for resources of services, and none of their own.
        asked = {"KeyId": key, "GranteePrincipal": maker.principal.arn, "Operations": ["Decrypt"]}
        assert await inside.denied("CreateGrant", asked, maker)
        await keys.release(key, grant, by=table)
        await refused("AccessDeniedException", keys.decrypt(made.ciphertext, context, by=table))
        await keys.release(key, grant, by=table)

    told(tmp_path, story)


# AWS: a service in a key policy is held to the resource that it acts for (the confused deputy).
def test_a_key_policy_may_let_a_service_in(tmp_path: Path) -> None:
    async def story(inside: Inside) -> None:
        keys, key = inside.keys, await inside.new_key()
        group = "arn:aws:logs:us-east-1:111122223333:log-group:g"
        logs = {
            "Effect": "Allow",
            "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": "*",
            "Condition": {
                "ArnEquals": {"aws:SourceArn": group},
                "StringEquals": {"aws:SourceAccount": SCOPE.account},
            },
        }
        root = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{SCOPE.account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [root, logs]})
        await inside.ask("PutKeyPolicy", {"KeyId": key, "Policy": policy})
        mine = service_itself("logs", SCOPE, source_arn=group)
        assert await keys.generate_data_key(key, {}, by=mine)
        for wrong in (
            service_itself("logs", SCOPE, source_arn=f"{group}2"),
            service_itself("sqs", SCOPE, source_arn=group),
            service_itself("logs", SCOPE, source_arn=""),
            service_itself("logs", STRANGERS, source_arn=group),
        ):
            await refused("AccessDeniedException", keys.generate_data_key(key, {}, by=wrong))

    told(tmp_path, story)


# A service that keeps a bucket's data key asks once for each requester in five minutes, and what was revoked ends then.
def test_data_keys_are_kept_for_one_requester_and_not_for_long(tmp_path: Path) -> None:
    async def story(inside: Inside) -> None:
        keys, key = inside.keys, await inside.new_key()
        ann = await inside.user("ann", {"Action": "kms:Decrypt"})
        bob = await inside.user("bob")
        made = await keys.generate_data_key(key, CONTEXT, by=caller_through(inside.root(), "s3"))
        kept = KeptDataKeys[bytes](inside.cloud.clock, most=2)
        asked: list[str] = []

        async def bucket_key(call: Any) -> bytes:
            async def ask() -> bytes:
                asked.append(call.principal.arn)
                by = caller_through(call, "s3")
                return (await keys.decrypt(made.ciphertext, CONTEXT, by=by)).plaintext

            return await kept.get((call.principal.arn, made.key_arn, made.ciphertext.hex()), ask)

        for _ in range(3):
            assert await bucket_key(ann) == made.plaintext
        assert len(asked) == 1
        for _ in range(2):
            await refused("AccessDeniedException", bucket_key(bob))
        assert len(asked) == 3
        await inside.ask("DisableKey", {"KeyId": key})
        assert await bucket_key(ann) == made.plaintext
        inside.cloud.clock.advance(300_000)
        await refused("DisabledException", bucket_key(ann))

    told(tmp_path, story)


# What was wrapped before a rotation is read after it; what is wrapped after it is under new material.
def test_data_keys_outlive_rotations(tmp_path: Path) -> None:
    async def story(inside: Inside) -> None:
        keys, key = inside.keys, await inside.new_key()
        by = caller_through(inside.root(), "s3")
        before = await keys.generate_data_key(key, CONTEXT, by=by)
        await inside.ask("RotateKeyOnDemand", {"KeyId": key})
        after = await keys.generate_data_key(key, CONTEXT, by=by)
        for made in (before, after):
            assert (await keys.decrypt(made.ciphertext, CONTEXT, by=by)).plaintext == made.plaintext

    told(tmp_path, story)


def test_a_decision_finds_what_it_needs_to_know(tmp_path: Path) -> None:
    async def story(inside: Inside) -> None:
        by = caller_through(inside.root(), "s3")
        key = await inside.keys.describe("alias/aws/s3", by=by)
        store = inside.cloud.store
        facts = await store.read(lambda at: access.find_facts(at, SCOPE, "alias/aws/s3"))
        assert facts is not None
        assert facts.arn == key.arn
        assert facts.conditions == {
            "kms:keyspec": ("SYMMETRIC_DEFAULT",),
            "kms:keyusage": ("ENCRYPT_DECRYPT",),
            "kms:customermasterkeyspec": ("SYMMETRIC_DEFAULT",),
            "kms:customermasterkeyusage": ("ENCRYPT_DECRYPT",),
            "kms:keyorigin": ("AWS_KMS",),
            "kms:multiregion": ("false",),
            "kms:resourcealiases": ("alias/aws/s3",),
            "kms:requestalias": ("alias/aws/s3",),
        }
        assert "kms:ViaService" in facts.policy
        none = await store.read(lambda at: access.find_facts(at, SCOPE, "alias/none"))
        assert none is None

    told(tmp_path, story)


NEW = {
    "kms:bypasspolicylockoutsafetycheck": ("false",),
    "kms:keyspec": ("SYMMETRIC_DEFAULT",),
    "kms:customermasterkeyspec": ("SYMMETRIC_DEFAULT",),
    "kms:keyusage": ("ENCRYPT_DECRYPT",),
    "kms:customermasterkeyusage": ("ENCRYPT_DECRYPT",),
    "kms:keyorigin": ("AWS_KMS",),
    "kms:multiregion": ("false",),
}
SYMMETRIC = {"kms:encryptionalgorithm": ("SYMMETRIC_DEFAULT",)}


@pytest.mark.parametrize(
    ("action", "request_", "keys"),
    [
        (
            "kms:Encrypt",
            {"KeyId": "k", "EncryptionContext": {"Team": "a", "b": "2"}},
            {
                **SYMMETRIC,
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
            {
                **SYMMETRIC,
                "kms:encryptioncontext:b": ("2",),
                "kms:encryptioncontextkeys": ("b",),
            },
        ),
        ("kms:GenerateDataKey", {"KeySpec": "AES_256"}, SYMMETRIC),
        (
            "kms:Encrypt",
            {"EncryptionAlgorithm": "RSAES_OAEP_SHA_1", "EncryptionContext": {"a": "1", "A": "2"}},
            {
                "kms:encryptionalgorithm": ("RSAES_OAEP_SHA_1",),
                "kms:encryptioncontext:a": ("1", "2"),
                "kms:encryptioncontextkeys": ("a", "A"),
            },
        ),
        ("kms:Sign", {"KeyId": "k"}, {"kms:messagetype": ("RAW",)}),
        ("kms:Verify", {"MessageType": "DIGEST"}, {"kms:messagetype": ("DIGEST",)}),
        ("kms:PutKeyPolicy", {}, {"kms:bypasspolicylockoutsafetycheck": ("false",)}),
        (
            "kms:PutKeyPolicy",
            {"BypassPolicyLockoutSafetyCheck": True},
            {"kms:bypasspolicylockoutsafetycheck": ("true",)},
        ),
        (
            "kms:ScheduleKeyDeletion",
            {},
            {"kms:schedulekeydeletionpendingwindowindays": ("30",)},
        ),
        (
            "kms:ImportKeyMaterial",
            {"ValidTo": 1_700_000_000_000},
            {
                "kms:expirationmodel": ("KEY_MATERIAL_EXPIRES",),
                "kms:validto": ("2023-11-14T22:13:20Z",),
            },
        ),
        (
            "kms:CreateKey",
            {
                "KeySpec": "RSA_2048",
                "MultiRegion": True,
                "Tags": [{"TagKey": "A", "TagValue": "1"}],
            },
            {
                **NEW,
                "kms:keyspec": ("RSA_2048",),
                "kms:customermasterkeyspec": ("RSA_2048",),
                "kms:multiregion": ("true",),
                "aws:tagkeys": ("A",),
                "aws:requesttag/a": ("1",),
            },
        ),
        (
            "kms:CreateKey",  # the member of an older name passes no policy by
            {"CustomerMasterKeySpec": "RSA_4096", "KeyUsage": "SIGN_VERIFY"},
            {
                **NEW,
                "kms:keyspec": ("RSA_4096",),
                "kms:customermasterkeyspec": ("RSA_4096",),
                "kms:keyusage": ("SIGN_VERIFY",),
                "kms:customermasterkeyusage": ("SIGN_VERIFY",),
            },
        ),
        (
            "kms:CreateGrant",
            {"Operations": ["Encrypt", "Sign"], "Constraints": {"EncryptionContextSubset": {}}},
            {
                "kms:grantisforawsresource": ("false",),
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
