"""Answers `contracts.roles.Roles`: roles that services need, and one for who administers an account from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pilvi.base.arn import GLOBAL_REGION, Scope
from pilvi.kit.cloud import Cloud
from pilvi.services.iam import records
from pilvi.services.iam.records import Role
from pilvi.services.iam.service_linked_roles import find_linked, put_linked
from pilvi.store.api import Transaction


class IamRoles:
    """`contracts.roles.Roles`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def put_administrator(self, *, account: str, name: str, trusted: str) -> None:
        """Its policy is an inline one, as AWS makes it for the accounts of an organisation."""
        cloud, scope = self._cloud, Scope(account, GLOBAL_REGION)
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{trusted}:root"}}
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}

        def put(tx: Transaction) -> None:
            if records.find_role(tx, scope, name) is not None:
                return
            role = Role(
                name=name,
                path="/",
                id="AROA" + cloud.entropy.upper(17),
                created_at_ms=cloud.clock.now_ms(),
                trust=_policy({**trust, "Action": "sts:AssumeRole"}),
                inline={"AdministratorAccess": _policy(everything)},
            )
            records.put_entity(tx, scope, role)

        await cloud.store.write(put)

    async def put_service_linked(self, *, account: str, service: str) -> None:
        """As CreateServiceLinkedRole would."""
        cloud, scope = self._cloud, Scope(account, GLOBAL_REGION)
        linked = find_linked(service)
        assert linked is not None, service

        def put(tx: Transaction) -> None:
            name = linked.role_name(None)
            if records.find_role(tx, scope, name) is None:
                now_ms = cloud.clock.now_ms()
                put_linked(
                    tx,
                    scope,
                    linked,
                    name,
                    linked.description,
                    entropy=cloud.entropy,
                    now_ms=now_ms,
                )

        await cloud.store.write(put)


def _policy(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
