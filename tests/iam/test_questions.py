"""What the rest of the cloud asks IAM, without a server: whose key, and the first key of all."""

from __future__ import annotations

import asyncio
from pathlib import Path

from clouds import in_memory
from pilvi.base.arn import Scope
from pilvi.base.entropy import Entropy
from pilvi.services.iam import records
from pilvi.services.iam.administrators import IamAdministrators
from pilvi.services.iam.questions import IamCredentials
from pilvi.services.iam.sessions import tokens

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
