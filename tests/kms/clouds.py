"""A cloud without a server, as a service inside it sees KMS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from clouds import in_memory
from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.contracts.causes import NO_CAUSE
from pilvi.contracts.keys import Keys
from pilvi.identity.principal import Principal, root_of
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud

SCOPE = Scope("111122223333", "us-east-1")


class Inside:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.keys = cloud.ask(Keys)

    def root(self, scope: Scope = SCOPE) -> Call:
        """A request of an account's root to some service, which that service serves just now."""
        return self._served(scope, root_of(scope.account, "root"))

    async def user(self, name: str, *allowed: dict[str, Any], scope: Scope = SCOPE) -> Call:
        """The same of a user who may do this and nothing else."""
        made = await self.ask("CreateUser", {"UserName": name}, self.root(scope), service="iam")
        if allowed:
            statements = [{"Effect": "Allow", "Resource": "*", **one} for one in allowed]
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            policy = {"UserName": name, "PolicyName": "p", "PolicyDocument": document}
            await self.ask("PutUserPolicy", policy, self.root(scope), service="iam")
        user = made["User"]
        return self._served(scope, Principal(scope.account, user["Arn"], user["UserId"]))

    def _served(self, scope: Scope, principal: Principal) -> Call:
        operation = self.cloud.operation("s3", "PutObject")
        return self.cloud.call(operation, scope=scope, principal=principal, request_id="r")

    async def ask(
        self,
        operation: str,
        params: dict[str, Any],
        caller: Call | None = None,
        *,
        service: str = "kms",
    ) -> dict[str, Any]:
        """A direct request, of the account's root if of nobody else."""
        caller = caller or self.root()
        return await self.cloud.perform(
            service,
            operation,
            params,
            scope=caller.scope,
            principal=caller.principal,
            cause=NO_CAUSE,
        )

    async def denied(
        self, operation: str, params: dict[str, Any], caller: Call | None = None
    ) -> bool:
        try:
            await self.ask(operation, params, caller)
        except AwsError as error:
            if error.code != "AccessDeniedException":
                raise
            return True
        return False

    async def new_key(self, **request: Any) -> str:
        return (await self.ask("CreateKey", request))["KeyMetadata"]["Arn"]


def told(path: Path, story: Callable[[Inside], Awaitable[None]]) -> None:
    async def run() -> None:
        cloud = in_memory(path, strict=True)
        await story(Inside(cloud))

    asyncio.run(run())
