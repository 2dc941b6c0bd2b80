"""Code signing configurations: kept, attached to functions, and enforced where they say so."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, package

ZIP = package("def handler(event, context):\n    return event\n")
OTHER = package("def handler(event, context):\n    return 2\n")
PROFILE = "arn:aws:signer:us-east-1:111111111111:/signing-profiles/test"


def refusal(operation: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        operation(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def configuration(functions: Functions, policy: str, **more: Any) -> str:
    answer = functions.client.create_code_signing_config(
        AllowedPublishers={"SigningProfileVersionArns": [PROFILE]},
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": policy},
        **more,
    )
    return answer["CodeSigningConfig"]["CodeSigningConfigArn"]


# Nothing is signed by anybody here, so enforcing refuses every package: of a new function, a changed one, and of a
# layer. The code that a function has stays as it is.
def test_enforced_signing_refuses_code(functions: Functions) -> None:
    client = functions.client
    arn = configuration(functions, "Enforce")
    words = (
        "CodeVerificationFailedException",
        "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client"
        " is not configured to accept. Check the provided signature for f.",
    )
    assert refusal(functions.create, name="f", zipped=ZIP, CodeSigningConfigArn=arn) == words
    functions.create("f", ZIP)
    layer = client.publish_layer_version(LayerName="l", Content={"ZipFile": ZIP})
    client.put_function_code_signing_config(FunctionName="f", CodeSigningConfigArn=arn)
    assert refusal(client.update_function_code, FunctionName="f", ZipFile=OTHER) == words
    layers = {"Layers": [layer["LayerVersionArn"]]}
    assert refusal(client.update_function_configuration, FunctionName="f", **layers) == words
    client.update_function_configuration(FunctionName="f", Timeout=3)
    client.update_code_signing_config(
        CodeSigningConfigArn=arn, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"}
    )
    client.update_function_code(FunctionName="f", ZipFile=OTHER)
    assert functions.invoke("f") == 2


# A configuration that functions have stays, and a function's page begins behind the last one told.
def test_configurations_know_their_functions(functions: Functions) -> None:
    client = functions.client
    arn, spare = (configuration(functions, "Warn") for _ in range(2))
    for name in "abc":
        functions.create(name, ZIP, CodeSigningConfigArn=arn)
    found: list[str] = []
    marker: dict[str, str] = {}
    for _ in range(3):
        page = client.list_functions_by_code_signing_config(
            CodeSigningConfigArn=arn, MaxItems=1, **marker
        )
        found += page["FunctionArns"]
        marker = {"Marker": page.get("NextMarker", "")}
    assert marker == {"Marker": ""}
    assert [one.split(":")[-1] for one in found] == ["a", "b", "c"]
    assert refusal(client.delete_code_signing_config, CodeSigningConfigArn=arn)[0] == (
        "ResourceConflictException"
    )
    for name in "ab":
        client.delete_function_code_signing_config(FunctionName=name)
    client.delete_function(FunctionName="c")
    assert "FunctionName" not in client.get_function_code_signing_config(FunctionName="a")
    client.delete_code_signing_config(CodeSigningConfigArn=arn)
    left = client.list_code_signing_configs()["CodeSigningConfigs"]
    assert [one["CodeSigningConfigArn"] for one in left] == [spare]


def test_configurations_have_tags(functions: Functions) -> None:
    arn = configuration(functions, "Warn", Tags={"a": "1"})
    functions.client.tag_resource(Resource=arn, Tags={"b": "2"})
    functions.client.untag_resource(Resource=arn, TagKeys=["a"])
    assert functions.client.list_tags(Resource=arn)["Tags"] == {"b": "2"}


# The one version of a runtime that this host has can be asked for by name; no other can.
def test_runtime_management_is_of_versions(functions: Functions) -> None:
    client = functions.client
    created = functions.create("f", ZIP, Publish=True)
    version = created["RuntimeVersionConfig"]["RuntimeVersionArn"]
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    put = client.put_runtime_management_config
    answer = put(
        FunctionName="f", Qualifier="1", UpdateRuntimeOn="Manual", RuntimeVersionArn=version
    )
    assert answer["FunctionArn"] == f"{created['FunctionArn']}:1"
    put(FunctionName="f", UpdateRuntimeOn="FunctionUpdate")
    get = client.get_runtime_management_config
    told = get(FunctionName="f", Qualifier="1")
    assert (told["UpdateRuntimeOn"], told["RuntimeVersionArn"]) == ("Manual", version)
    told = get(FunctionName="f", Qualifier="$LATEST")
    assert (told["UpdateRuntimeOn"], told.get("RuntimeVersionArn")) == ("FunctionUpdate", None)
    for request in (
        {"UpdateRuntimeOn": "Manual"},
        {"UpdateRuntimeOn": "Auto", "RuntimeVersionArn": version},
        {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": f"{version}0"},
        {"UpdateRuntimeOn": "Auto", "Qualifier": "live"},
    ):
        assert refusal(put, FunctionName="f", **request)[0] == "InvalidParameterValueException"
    assert refusal(get, FunctionName="f", Qualifier="2")[0] == "ResourceNotFoundException"
