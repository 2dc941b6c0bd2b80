"""Policies of layer versions: recorded answers, and who may use a layer of another account."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, package

TOOLS = package(None, **{"python/tools__py": "NAME = 'shared'"})
USES = package("def handler(event, context):\n    import tools\n    return tools.NAME\n")
READ = "lambda:GetLayerVersion"


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error.get("Message", "")


@pytest.fixture
def shared(functions: Functions) -> str:
    """The ARN of a layer's first version."""
    made = functions.client.publish_layer_version(LayerName="l", Content={"ZipFile": TOOLS})
    return made["LayerVersionArn"]


def test_the_life_of_a_policy(functions: Functions, shared: str) -> None:
    """As recorded."""
    lambda_, of = functions.client, {"LayerName": "l", "VersionNumber": 1}
    none = ("ResourceNotFoundException", "No policy is associated with the given resource.")
    assert refusal(lambda_.get_layer_version_policy, **of) == none
    asked = {"Action": READ, "Principal": "*", **of}
    first = lambda_.add_layer_version_permission(StatementId="s1", **asked)
    assert first["ResponseMetadata"]["HTTPStatusCode"] == 201
    statement = {
        "Sid": "s1",
        "Effect": "Allow",
        "Principal": "*",
        "Action": READ,
        "Resource": shared,
    }
    assert json.loads(first["Statement"]) == statement
    got = lambda_.get_layer_version_policy(**of)
    assert got["RevisionId"] == first["RevisionId"]
    assert json.loads(got["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": [statement],
    }
    second = lambda_.add_layer_version_permission(
        StatementId="s2", RevisionId=first["RevisionId"], **asked
    )
    assert second["RevisionId"] != first["RevisionId"]
    removed = lambda_.remove_layer_version_permission(StatementId="s2", **of)
    assert removed["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert json.loads(lambda_.get_layer_version_policy(**of)["Policy"])["Statement"] == [statement]
    lambda_.remove_layer_version_permission(StatementId="s1", **of)
    assert refusal(lambda_.get_layer_version_policy, **of) == none


def test_what_is_refused(functions: Functions, shared: str) -> None:
    """As recorded."""
    lambda_, of = functions.client, {"LayerName": "l", "VersionNumber": 1}
    add, remove = lambda_.add_layer_version_permission, lambda_.remove_layer_version_permission
    asked = {"StatementId": "s1", "Action": READ, "Principal": "*", **of}
    add(**asked)
    code, text = refusal(add, **{**asked, "Action": "*"})
    assert code == "ValidationException"
    assert "Value '*' at 'action' failed to satisfy constraint" in text
    assert refusal(add, **asked)[0] == "ResourceConflictException"
    wrong = (
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API"
        " to retrieve the latest Revision Id",
    )
    assert refusal(add, **{**asked, "StatementId": "s2"}, RevisionId="wrong") == wrong
    assert refusal(remove, StatementId="s1", RevisionId="wrong", **of) == wrong
    layer = shared.removesuffix(":1")
    for name, number in (("missing", 1), ("l", 2)):
        there = {"LayerName": name, "VersionNumber": number}
        missing = (
            "ResourceNotFoundException",
            f"Layer version {layer.removesuffix('l')}{name}:{number} does not exist.",
        )
        assert refusal(add, **{**asked, **there}) == missing
        assert refusal(lambda_.get_layer_version_policy, **there) == missing
        assert refusal(remove, StatementId="s1", **there) == missing
    assert refusal(remove, StatementId="none", **of) == (
        "ResourceNotFoundException",
        "Statement none is not found in resource policy.",
    )
    of_one = {**asked, "StatementId": "s3", "Principal": "1" * 12, "OrganizationId": "o-1234567890"}
    assert refusal(add, **of_one)[0] == "InvalidParameterValueException"


def test_another_account_uses_a_layer_that_its_policy_opens(
    functions: Functions, shared: str, server: Any, account: str
) -> None:
    other = f"9{account[1:]}"
    theirs = Functions(server.client("lambda", other), other)
    asked = {"LayerName": "l", "VersionNumber": 1, "Action": READ}

    def denied() -> bool:
        codes = {
            refusal(theirs.client.get_layer_version_by_arn, Arn=shared)[0],
            refusal(theirs.client.get_layer_version, LayerName=shared[:-2], VersionNumber=1)[0],
            refusal(theirs.create, name="f", zipped=USES, Layers=[shared])[0],
        }
        return codes == {"AccessDeniedException"}

    assert denied()
    functions.client.add_layer_version_permission(
        StatementId="org", Principal="*", OrganizationId="o-1234567890", **asked
    )
    assert denied(), "nobody here is in an organisation"
    functions.client.add_layer_version_permission(StatementId="s", Principal="8" * 12, **asked)
    assert denied()
    functions.client.add_layer_version_permission(StatementId="t", Principal=other, **asked)
    assert theirs.client.get_layer_version_by_arn(Arn=shared)["LayerVersionArn"] == shared
    theirs.create("f", USES, Layers=[shared])
    assert theirs.invoke("f") == "shared"
    code, _ = refusal(theirs.client.delete_layer_version, LayerName=shared[:-2], VersionNumber=1)
    assert code == "AccessDeniedException"
    code, _ = refusal(
        theirs.client.add_layer_version_permission,
        **{**asked, "LayerName": shared[:-2]},
        StatementId="u",
        Principal="*",
    )
    assert code == "AccessDeniedException"

    functions.client.delete_layer_version(LayerName="l", VersionNumber=1)
    assert theirs.invoke("f") == "shared", "a function keeps what it uses"
    functions.client.publish_layer_version(LayerName="l", Content={"ZipFile": TOOLS})
    again = shared[:-1] + "2"
    code, _ = refusal(theirs.client.get_layer_version_by_arn, Arn=again)
    assert code == "AccessDeniedException", "each version has a policy of its own"
