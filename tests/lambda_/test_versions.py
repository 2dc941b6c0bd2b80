"""Versions and aliases: what was published never changes, what points to it does."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, package


def answering(text: str) -> bytes:
    return package(
        "def handler(event, context):\n"
        f"    return {text!r}, context.function_version, context.invoked_function_arn"
    )


def test_versions_keep_their_code_and_aliases_choose(functions: Functions, account: str) -> None:
    client = functions.client
    arn = f"arn:aws:lambda:us-east-1:{account}:function:f"
    created = functions.create("f", answering("one"), Publish=True)
    assert (created["FunctionArn"], created["Version"]) == (arn, "1")
    again = client.publish_version(FunctionName="f", Description="ignored: nothing changed")
    assert (again["Version"], again["FunctionArn"]) == ("1", f"{arn}:1")
    updated = client.update_function_code(FunctionName="f", ZipFile=answering("two"), Publish=True)
    assert (updated["Version"], updated["FunctionArn"]) == ("2", f"{arn}:2")
    client.update_function_code(FunctionName="f", ZipFile=answering("three"))
    alias = client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert alias["AliasArn"] == f"{arn}:live"

    def invoked(**request: Any) -> list[str]:
        return functions.invoke(**{"name": "f", **request})

    assert invoked() == ["three", "$LATEST", arn]
    assert invoked(Qualifier="1") == ["one", "1", f"{arn}:1"]
    assert invoked(name=f"{arn}:2") == ["two", "2", f"{arn}:2"]
    assert invoked(Qualifier="live") == ["one", "1", f"{arn}:live"]
    client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    assert invoked(Qualifier="live") == ["two", "2", f"{arn}:live"]
    listed = client.list_versions_by_function(FunctionName="f")["Versions"]
    assert [one["FunctionArn"] for one in listed] == [f"{arn}:{v}" for v in ("$LATEST", "1", "2")]
    everything = client.list_functions(FunctionVersion="ALL")["Functions"]
    assert [one["Version"] for one in everything] == ["$LATEST", "1", "2"]
    got = client.get_function_configuration(FunctionName="f", Qualifier="live")
    assert (got["Version"], got["FunctionArn"]) == ("2", f"{arn}:live")
    with pytest.raises(ClientError, match="aliases reference it"):
        client.delete_function(FunctionName="f", Qualifier="2")
    client.delete_alias(FunctionName="f", Name="live")
    client.delete_alias(FunctionName="f", Name="live")
    client.delete_function(FunctionName="f", Qualifier="2")
    with pytest.raises(ClientError, match=f"Function not found: {arn}:2"):
        invoked(Qualifier="2")
    client.delete_function(FunctionName="f")
    functions.create("f", answering("new"))
    with pytest.raises(ClientError, match=f"Function not found: {arn}:1"):
        invoked(Qualifier="1")


def test_publishing_checks_what_it_is_told(functions: Functions) -> None:
    created = functions.create("f", answering("one"))
    with pytest.raises(ClientError, match="is different from current CodeSHA256 in"):
        functions.client.publish_version(FunctionName="f", CodeSha256="x")
    with pytest.raises(ClientError, match="The Revision Id provided does not match"):
        functions.client.publish_version(FunctionName="f", RevisionId="x")
    published = functions.client.publish_version(
        FunctionName="f", CodeSha256=created["CodeSha256"], Description="d"
    )
    assert (published["Version"], published["Description"]) == ("1", "d")
    described = functions.client.get_function_configuration(FunctionName="f")
    assert described["Description"] == ""


def test_an_alias_shares_invocations_between_two_versions(functions: Functions) -> None:
    client = functions.client
    functions.create("f", answering("one"), Publish=True)
    client.update_function_code(FunctionName="f", ZipFile=answering("two"), Publish=True)
    routing = {"AdditionalVersionWeights": {"2": 1.0}}
    client.create_alias(FunctionName="f", Name="a", FunctionVersion="1", RoutingConfig=routing)
    assert functions.invoke("f", Qualifier="a")[:2] == ["two", "2"]
    client.update_alias(
        FunctionName="f", Name="a", RoutingConfig={"AdditionalVersionWeights": {"2": 0.0}}
    )
    assert functions.invoke("f", Qualifier="a")[:2] == ["one", "1"]


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (
            {"FunctionVersion": "10"},
            "ResourceNotFoundException",
            "Function not found: ",
        ),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}},
            "InvalidParameterValueException",
            "Invalid function version 1. Function version 1 is already included in routing",
        ),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5, "3": 0.1}}},
            "InvalidParameterValueException",
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"2": 2.0}}},
            "ValidationException",
            "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionW",
        ),
        ({"Name": "live"}, "ResourceConflictException", "Alias already exists: "),
    ],
)
def test_aliases_that_make_no_sense(
    functions: Functions, request_: dict[str, Any], code: str, words: str
) -> None:
    functions.create("f", answering("one"), Publish=True)
    functions.client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    asked = {"FunctionName": "f", "Name": "other", "FunctionVersion": "1", **request_}
    with pytest.raises(ClientError) as error:
        functions.client.create_alias(**asked)
    answer = error.value.response["Error"]
    assert (answer["Code"], answer["Message"][: len(words)]) == (code, words)


def test_permissions_of_versions_and_aliases_are_their_own(functions: Functions) -> None:
    client = functions.client
    functions.create("f", answering("one"), Publish=True)
    asked = {"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "*"}
    client.add_permission(StatementId="s", Qualifier="1", **asked)
    with pytest.raises(ClientError, match="The resource you requested does not exist"):
        client.get_policy(FunctionName="f")
    assert '"Resource":"' in client.get_policy(FunctionName="f", Qualifier="1")["Policy"]
    with pytest.raises(ClientError, match="Cannot find alias arn: "):
        client.add_permission(StatementId="s", Qualifier="missing", **asked)
    with pytest.raises(ClientError, match="Function not found: "):
        client.add_permission(StatementId="s", Qualifier="42", **asked)


def test_versions_are_listed_in_pages(functions: Functions) -> None:
    for name in ("f", "g"):
        functions.create(name, answering("one"), Publish=True)
        functions.client.update_function_code(
            FunctionName=name, ZipFile=answering("two"), Publish=True
        )
    pages = functions.client.get_paginator("list_functions").paginate(
        FunctionVersion="ALL", MaxItems=2
    )
    found = [(one["FunctionName"], one["Version"]) for page in pages for one in page["Functions"]]
    assert found == [(name, version) for name in ("f", "g") for version in ("$LATEST", "1", "2")]
    pages = functions.client.get_paginator("list_functions").paginate(MaxItems=1)
    assert [one["FunctionName"] for page in pages for one in page["Functions"]] == ["f", "g"]
    pages = functions.client.get_paginator("list_versions_by_function").paginate(
        FunctionName="f", MaxItems=1
    )
    listed = [one["Version"] for page in pages for one in page["Versions"]]
    assert listed == ["$LATEST", "1", "2"]


def test_no_version_has_a_number_beyond_all_bounds(functions: Functions) -> None:
    functions.create("f", package("def handler(event, context): return 1"))
    huge = "9" * 100
    client = functions.client
    layer = f"arn:aws:lambda:us-east-1:{functions.account}:layer:l:{huge}"
    for operation, request in (
        (client.get_function, {"FunctionName": "f", "Qualifier": huge}),
        (client.invoke, {"FunctionName": "f", "Qualifier": huge}),
        (client.delete_function, {"FunctionName": "f", "Qualifier": huge}),
        (client.create_alias, {"FunctionName": "f", "Name": "a", "FunctionVersion": huge}),
        (client.get_layer_version, {"LayerName": "l", "VersionNumber": 10**30}),
        (client.get_layer_version_by_arn, {"Arn": layer}),
    ):
        with pytest.raises(ClientError) as error:
            operation(**request)
        assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"
    with pytest.raises(ClientError, match="does not exist"):
        client.update_function_configuration(FunctionName="f", Layers=[layer])
