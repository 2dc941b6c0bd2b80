"""The keys that follow from who asks."""

from __future__ import annotations

import pytest
from tests.languages.policy.asking import HERE, PEOPLE, PROVIDER, ROLE, allow, ask

from pilvi.languages.policy import principal_keys

# IAM User Guide, "IAM policy elements: Variables and tags", the table of principal key values:
# aws:username, aws:userid, aws:PrincipalType, aws:PrincipalArn
VALUES = [
    ("root", None, HERE, "Account", f"arn:aws:iam::{HERE}:root"),
    ("user", "ann", "AIDAEXAMPLEUSERIDXXXX", "User", f"arn:aws:iam::{HERE}:user/ann"),
    ("session", None, "AROAEXAMPLEROLEIDXXXX:s1", "AssumedRole", ROLE),
    ("web session", None, "AROAEXAMPLEROLEIDXXXX:s1", "AssumedRole", ROLE),
    ("federated", None, f"{HERE}:bob", "FederatedUser", f"arn:aws:sts::{HERE}:federated-user/bob"),
    ("anonymous", None, "anonymous", "Anonymous", None),
    ("service", None, None, None, None),
    ("web", None, None, None, None),
]


@pytest.mark.parametrize(("who", "name", "user_id", "kind", "arn"), VALUES)
def test_principal_values(
    who: str, name: str | None, user_id: str | None, kind: str | None, arn: str | None
) -> None:
    found = principal_keys(PEOPLE[who])
    wanted = {
        "aws:username": name,
        "aws:userid": user_id,
        "aws:principaltype": kind,
        "aws:principalarn": arn,
    }
    assert {key: found.get(key, (None,))[0] for key in wanted} == wanted
    assert all(key == key.lower() for key in found)


def test_services_are_told_by_name() -> None:
    found = principal_keys(PEOPLE["service"])
    assert found["aws:principalisawsservice"] == ("true",)
    assert found["aws:principalservicename"] == ("sns.amazonaws.com",)
    assert len(found["aws:principalservicenameslist"]) == 2
    assert "aws:principalaccount" not in found
    assert principal_keys(PEOPLE["user"])["aws:principalisawsservice"] == ("false",)
    assert "aws:principalisawsservice" not in principal_keys(PEOPLE["anonymous"])


def test_providers_and_tags() -> None:
    found = principal_keys(PEOPLE["web session"], {"Team": "books"})
    assert found["aws:federatedprovider"] == (PROVIDER,)
    assert found["aws:principaltag/team"] == ("books",)
    condition = {"StringEquals": {"aws:PrincipalTag/TEAM": "books"}}
    context = {key: list(values) for key, values in found.items()}
    assert ask("web session", context=context, identity=[allow(Condition=condition)]).allowed
