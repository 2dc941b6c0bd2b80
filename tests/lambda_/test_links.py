"""Packages can be downloaded again, for ten minutes, by whoever was given the address."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

import pytest

from lambda_.support import Functions, package

ONE = package("def handler(event, context): return 1")
LARGE = package("def handler(event, context): return 2", data=os.urandom(3_000_000))


def download(url: str, method: str = "GET") -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, method=method)) as response:
        assert response.headers["content-type"] == "application/zip"
        return response.read()


def refusal(url: str, method: str = "GET") -> str:
    with pytest.raises(HTTPError) as caught:
        download(url, method)
    assert caught.value.code == 403
    return caught.value.read().decode()


def location(functions: Functions, name: str, **request: Any) -> str:
    found = functions.client.get_function(FunctionName=name, **request)["Code"]
    assert found["RepositoryType"] == "S3"
    return found["Location"]


def test_each_versions_code_can_be_downloaded(functions: Functions) -> None:
    functions.create("f", ONE, Publish=True)
    functions.client.create_alias(FunctionName="f", Name="old", FunctionVersion="1")
    first = location(functions, "f")
    assert download(first) == ONE
    functions.client.update_function_code(FunctionName="f", ZipFile=LARGE)
    assert download(location(functions, "f")) == LARGE
    assert download(location(functions, "f", Qualifier="1")) == ONE
    assert download(location(functions, "f", Qualifier="old")) == ONE
    assert "AccessDenied" in refusal(first), "the package that it led to is no more"


def test_layers_can_be_downloaded(functions: Functions) -> None:
    published = functions.client.publish_layer_version(LayerName="l", Content={"ZipFile": LARGE})
    arn = published["LayerVersionArn"]
    for found in (
        published,
        functions.client.get_layer_version(LayerName="l", VersionNumber=1),
        functions.client.get_layer_version_by_arn(Arn=arn),
    ):
        assert download(found["Content"]["Location"]) == LARGE
    functions.client.delete_layer_version(LayerName="l", VersionNumber=1)
    assert "AccessDenied" in refusal(published["Content"]["Location"])


def test_a_link_holds_for_ten_minutes(functions: Functions, clock: Any) -> None:
    functions.create("f", ONE)
    clock.freeze()
    link = location(functions, "f")
    clock.advance(seconds=600)
    assert download(link) == ONE
    clock.advance(seconds=1)
    assert "Request has expired" in refusal(link)


@pytest.mark.parametrize(
    "change",
    [
        lambda link: link.replace("/f/", "/g/"),
        lambda link: link.replace("%24LATEST", "1"),
        lambda link: link.replace("/function/", "/layer/"),
        lambda link: link.replace("/us-east-1/", "/eu-west-1/"),
        lambda link: link.replace("expires=", "expires=1"),
        lambda link: link[:-1] + ("0" if link[-1] != "0" else "1"),
        lambda link: link.partition("?")[0],
        lambda link: link.partition("/function/")[0],
        lambda link: link.replace("/f/%24LATEST", "/f/%24LATEST/x"),
        lambda link: link.replace("%24LATEST", "9" * 5000),
        lambda link: link.replace("/f/", "/%00%ff/"),
    ],
)
def test_a_changed_link_leads_nowhere(functions: Functions, change: Callable[[str], str]) -> None:
    functions.create("f", ONE, Publish=True)
    functions.create("g", ONE)
    link = location(functions, "f")
    changed = change(link)
    assert changed != link
    assert "Access Denied" in refusal(changed)
    assert refusal(link, "DELETE")
