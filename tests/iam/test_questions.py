"""What the rest of the cloud asks IAM, without a server: whose key, and the first key of all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from clouds import in_memory
from persons import trust
from pilvi.base.arn import GLOBAL_REGION, Scope
from pilvi.base.entropy import Entropy
from pilvi.contracts.credentials import Credential, Credentials, RoleNotAssumable, Sessions
from pilvi.contracts.delivery import Source
from pilvi.kit.cloud import Cloud
from pilvi.services.iam import records
from pilvi.services.iam.administrators import IamAdministrators
from pilvi.services.iam.questions import IamCredentials
from pilvi.services.iam.sessions import tokens
from pilvi.store.api import StoreUnavailable

ACCOUNT = "123456789012"


# Strict mode begins with one key of an administrator, which is given once and works.
def test_the_first_key_is_made_once(tmp_path: Path) -> None:
    async def story() -> None:
        cloud = in_memory(tmp_path)
        first = await IamAdministrators(cloud).first_key(ACCOUNT)
        assert first is not None
        found = await IamCredentials(cloud).find_credential(first[0])
        assert found is not None
        assert found.secret_access_key == first[1]
        assert found.principal_arn == f"arn:aws:iam::{ACCOUNT}:user/administrator"
        assert (found.expires_at_ms, found.session_token, found.active) == (None, None, True)
        assert await IamAdministrators(cloud).first_key(ACCOUNT) is None
        assert await IamCredentials(cloud).find_credential("AKIA0000000000000000") is None

    asyncio.run(story())


# Where a user has a key already, somebody can begin, and nobody needs another.
def test_no_first_key_where_a_user_has_one(tmp_path: Path) -> None:
    async def story() -> None:
        cloud, scope = in_memory(tmp_path), Scope(ACCOUNT, "us-east-1")
        user = records.User(name="ann", path="/", id="AIDA", created_at_ms=0)
        await cloud.store.write(lambda tx: tokens.Issuer(cloud).key(tx, scope, user, now_ms=1))
        assert await IamAdministrators(cloud).first_key(ACCOUNT) is None

    asyncio.run(story())


# Key ids are few enough to meet one that is taken: it is never given twice.
def test_a_taken_key_id_is_not_given_again(tmp_path: Path) -> None:
    async def story() -> None:
        cloud, scope = in_memory(tmp_path), Scope(ACCOUNT, "us-east-1")

        class Repeating(Entropy):
            """Says the same thing twice before it goes on."""

            def __init__(self) -> None:
                super().__init__(seed=1)
                self.queue = [b"\x00" * 5, b"\x00" * 5, b"\x01" * 5]

            def bytes(self, size: int) -> bytes:
                return self.queue.pop(0) if size == 5 and self.queue else super().bytes(size)

        entropy, holder = Repeating(), records.Root()
        cloud.entropy = entropy
        made = [
            await cloud.store.write(
                lambda tx: tokens.Issuer(cloud).key(tx, scope, holder, now_ms=1)
            )
            for _ in range(2)
        ]
        assert made[0].access_key_id != made[1].access_key_id
        assert not entropy.queue

    asyncio.run(story())


class _Slow:
    """A store whose commits wait for a word."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at_once = cloud.store.write
        self.word = asyncio.Event()
        self.fault: Exception | None = None
        monkeypatch.setattr(cloud.store, "write", self.write)

    async def write(self, body: Any, **told: Any) -> Any:
        await self.word.wait()
        if self.fault is not None:
            raise self.fault
        return await self.at_once(body, **told)


ROLE = f"arn:aws:iam::{ACCOUNT}:role/runs"
SOURCE = Source("lambda.amazonaws.com", "arn:aws:lambda:us-east-1:1:function:f", ACCOUNT)


async def _begin(cloud: Cloud) -> tuple[Credential, asyncio.Future[Credential]]:
    return await cloud.ask(Sessions).begin_session(
        role_arn=ROLE, session_name="f", duration_s=60, source=SOURCE
    )


# A function begins while its credentials are being stored: who asks for them meanwhile waits, and is told.
def test_a_session_is_of_use_as_soon_as_it_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        cloud = in_memory(tmp_path)
        slow = _Slow(cloud, monkeypatch)
        credential, stored = await _begin(cloud)
        asked = asyncio.ensure_future(
            cloud.ask(Credentials).find_credential(credential.access_key_id)
        )
        await asyncio.sleep(0)
        assert not asked.done()
        assert not stored.done()
        slow.word.set()
        assert await asked == credential == await stored

    asyncio.run(story())


def test_a_session_that_could_not_be_stored_is_worth_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        cloud = in_memory(tmp_path)
        slow = _Slow(cloud, monkeypatch)
        slow.fault = StoreUnavailable(reason="the disk is full")
        credential, stored = await _begin(cloud)
        slow.word.set()
        assert await cloud.ask(Credentials).find_credential(credential.access_key_id) is None
        with pytest.raises(StoreUnavailable):
            await stored

    asyncio.run(story())


# What the credentials say of their role holds at the moment when they become worth something.
def test_a_session_is_not_stored_for_a_role_that_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        cloud = in_memory(tmp_path)
        slow = _Slow(cloud, monkeypatch)
        credential, stored = await _begin(cloud)
        role = records.Role(
            name="runs",
            path="/",
            id="AROAREAL",
            created_at_ms=0,
            trust=trust(Service="lambda.amazonaws.com"),
        )
        home = records.home_of(Scope(ACCOUNT, GLOBAL_REGION))
        await slow.at_once(lambda tx: records.ROLES.put(tx, home, role))
        slow.word.set()
        with pytest.raises(RoleNotAssumable):
            await stored
        assert await cloud.ask(Credentials).find_credential(credential.access_key_id) is None

    asyncio.run(story())
