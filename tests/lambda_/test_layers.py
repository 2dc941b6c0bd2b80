"""Layers: published in versions, used by functions, kept for as long as one uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from compute.support import wait_until
from lambda_.support import Functions, package
from pilvi.base.errors import AwsError
from pilvi.compute.unzipping import unzipped_bytes
from pilvi.services.lambda_ import rules
from pilvi.services.lambda_.records import Configuration, LayerUse, Package
from servers import Server

USES = package("import tools\ndef handler(event, context): return tools.NAME, tools.OTHER")


def layer(name: str, **more: str) -> bytes:
    return package(
        None, **{"python/tools__py": f"NAME = {name!r}\nfrom other import OTHER", **more}
    )


def test_layers_are_merged_and_outlive_their_deletion(functions: Functions, account: str) -> None:
    client = functions.client
    one = client.publish_layer_version(
        LayerName="one",
        Content={"ZipFile": layer("one", **{"python/other__py": "OTHER = 1"})},
        CompatibleRuntimes=["python3.11"],
        LicenseInfo="MIT",
    )
    arn = f"arn:aws:lambda:us-east-1:{account}:layer:one"
    assert (one["LayerArn"], one["LayerVersionArn"], one["Version"]) == (arn, f"{arn}:1", 1)
    two = client.publish_layer_version(LayerName="two", Content={"ZipFile": layer("two")})
    layers = [one["LayerVersionArn"], two["LayerVersionArn"]]
    created = functions.create("f", USES, Layers=layers)
    assert [used["Arn"] for used in created["Layers"]] == layers
    # The last layer wins where two have the same file.
    assert functions.invoke("f") == ["two", 1]
    client.delete_layer_version(LayerName="one", VersionNumber=1)
    client.delete_layer_version(LayerName="one", VersionNumber=1)
    client.update_function_configuration(FunctionName="f", MemorySize=256)
    assert functions.invoke("f") == ["two", 1]
    client.update_function_configuration(FunctionName="f", Layers=[])
    assert "Layers" not in client.get_function_configuration(FunctionName="f")


def test_layers_are_merged_before_anybody_waits(
    functions: Functions, server: Server, account: str
) -> None:
    """Not by the first invocation, which would be late: as soon as a function has several of them."""
    arns: list[str] = []

    def publish(name: str) -> None:
        zipped = layer(name, **{f"{name}__py": f"OF = {account!r}"})
        published = functions.client.publish_layer_version(
            LayerName=name, Content={"ZipFile": zipped}
        )
        arns.append(published["LayerVersionArn"])

    def merged(*names: str) -> bool:
        for place in (server.data / "cache").glob("*/layers/[!.]*/"):
            found = [place / f"{name}.py" for name in names]
            if all(file.exists() and account in file.read_text() for file in found):
                return True
        return False

    publish("one")
    publish("two")
    functions.create("f", USES, Layers=arns)
    wait_until(lambda: merged("one", "two"), "they are never merged")
    publish("three")
    functions.client.update_function_configuration(FunctionName="f", Layers=arns)
    wait_until(lambda: merged("one", "two", "three"), "they are never merged anew")


def test_versions_are_listed_newest_first_and_never_numbered_again(functions: Functions) -> None:
    client = functions.client
    zipped = layer("x")

    def publish() -> int:
        return client.publish_layer_version(LayerName="x", Content={"ZipFile": zipped})["Version"]

    assert [publish(), publish()] == [1, 2]
    client.delete_layer_version(LayerName="x", VersionNumber=2)
    assert publish() == 3
    pages = client.get_paginator("list_layer_versions").paginate(LayerName="x", MaxItems=1)
    assert [one["Version"] for page in pages for one in page["LayerVersions"]] == [3, 1]
    (listed,) = client.list_layers()["Layers"]
    assert (listed["LayerName"], listed["LatestMatchingVersion"]["Version"]) == ("x", 3)
    assert client.list_layers(CompatibleRuntime="python3.11")["Layers"] == []
    got = client.get_layer_version(LayerName="x", VersionNumber=3)
    assert got["Content"]["CodeSize"] == len(zipped)
    by_arn = client.get_layer_version_by_arn(Arn=got["LayerVersionArn"])
    assert by_arn["LayerVersionArn"] == got["LayerVersionArn"]


@pytest.mark.parametrize(
    ("version", "code", "words"),
    [
        (2, "ResourceNotFoundException", "The resource you requested does not exist."),
        (0, "InvalidParameterValueException", "Layer Version Cannot be less than 1"),
    ],
)
def test_versions_that_are_not_there(
    functions: Functions, version: int, code: str, words: str
) -> None:
    functions.client.publish_layer_version(LayerName="x", Content={"ZipFile": layer("x")})
    with pytest.raises(ClientError) as error:
        functions.client.get_layer_version(LayerName="x", VersionNumber=version)
    assert error.value.response["Error"] == {"Code": code, "Message": words}
    assert functions.client.list_layer_versions(LayerName="missing")["LayerVersions"] == []


def test_layers_are_their_accounts_own(functions: Functions, server: Any, account: str) -> None:
    arn = functions.client.publish_layer_version(LayerName="x", Content={"ZipFile": layer("x")})[
        "LayerArn"
    ]
    other = server.client("lambda", f"9{account[1:]}")
    for operation, request in (
        (other.get_layer_version, {"LayerName": arn, "VersionNumber": 1}),
        (other.get_layer_version_by_arn, {"Arn": f"{arn}:1"}),
        (other.list_layer_versions, {"LayerName": arn}),
        (other.publish_layer_version, {"LayerName": arn, "Content": {"ZipFile": layer("y")}}),
        (other.delete_layer_version, {"LayerName": arn, "VersionNumber": 1}),
    ):
        with pytest.raises(ClientError) as error:
            operation(**request)
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    listed = functions.client.list_layer_versions(LayerName="x")["LayerVersions"]
    assert [one["Version"] for one in listed] == [1]


def test_one_version_of_a_layer_in_a_function(
    functions: Functions, client: Callable[..., Any]
) -> None:
    arn = functions.client.publish_layer_version(LayerName="x", Content={"ZipFile": layer("x")})[
        "LayerVersionArn"
    ]
    words = "Two different versions of the same layer are not allowed to be referenced in the same"
    with pytest.raises(ClientError, match=words):
        functions.create("f", USES, Layers=[arn, arn])


# Each is within the limit of 250 MB, both together are not.
def test_code_and_layers_share_one_limit() -> None:
    half = Package(None, "", 1000, unzipped_bytes(layer("x")) + 140 * 1024 * 1024)
    alone = Configuration(
        runtime="python3.11",
        handler="app.handler",
        role="r",
        package=half,
        log_group="g",
        modified_ms=0,
        revision_id="1",
    )
    rules.check_unzipped(alone)
    with pytest.raises(AwsError) as refused:
        rules.check_unzipped(replace(alone, layers=(LayerUse("arn", half),)))
    assert refused.value.text == (
        "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes."
        f" The actual size is {2 * half.unzipped_bytes} bytes."
    )
