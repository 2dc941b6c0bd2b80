"""An organisation to test with: accounts that join it, policies that hold in it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Make = Callable[..., Any]

SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
FULL = "p-FullAWSAccess"

_numbers = itertools.count(1)


def written(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*", **more}


def deny(action: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": "*", **more}


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error.get("Message", "")


def reason(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """The error's code and its Reason."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Reason"]


class House:
    """`organizations`: a client of the management account."""

    def __init__(self, make: Make, account: str) -> None:
        self._make = make
        self.account = account
        self.organizations = make("organizations")
        self.id = self.organizations.create_organization()["Organization"]["Id"]
        self.root = self.organizations.list_roots()["Roots"][0]["Id"]

    def client(self, service: str, account: str, **config: Any) -> Any:
        return self._make(service, account=account, **config)

    def stranger(self) -> str:
        """An account that is in no organisation."""
        return f"{int(self.account[:8]) + 50_000_000:08d}{next(_numbers):04d}"

    def member(self, parent: str | None = None) -> str:
        """An account that was invited and came."""
        account = self.stranger()
        target = {"Id": account, "Type": "ACCOUNT"}
        invited = self.organizations.invite_account_to_organization(Target=target)["Handshake"]
        self.client("organizations", account).accept_handshake(HandshakeId=invited["Id"])
        if parent is not None:
            self.move(account, self.root, parent)
        return account

    def move(self, account: str, source: str, destination: str) -> None:
        self.organizations.move_account(
            AccountId=account, SourceParentId=source, DestinationParentId=destination
        )

    def unit(self, name: str, parent: str | None = None) -> str:
        made = self.organizations.create_organizational_unit(
            ParentId=parent or self.root, Name=name
        )
        return made["OrganizationalUnit"]["Id"]

    def enable(self, kind: str = SCP) -> None:
        self.organizations.enable_policy_type(RootId=self.root, PolicyType=kind)

    def policy(self, *statements: dict[str, Any], kind: str = SCP, name: str = "") -> str:
        made = self.organizations.create_policy(
            Name=name or f"policy-{next(_numbers)}",
            Description="",
            Type=kind,
            Content=written(*statements),
        )
        return made["Policy"]["PolicySummary"]["Id"]

    def attach(self, policy: str, target: str) -> str:
        self.organizations.attach_policy(PolicyId=policy, TargetId=target)
        return policy

    def hold(self, target: str, *statements: dict[str, Any], kind: str = SCP) -> str:
        """A policy of these statements, attached to `target`."""
        return self.attach(self.policy(*statements, kind=kind), target)

    def only(self, target: str, *statements: dict[str, Any]) -> None:
        """The SCP of these statements and no other, at `target`."""
        self.hold(target, *statements)
        self.organizations.detach_policy(PolicyId=FULL, TargetId=target)
