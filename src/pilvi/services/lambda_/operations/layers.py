"""Layers: packages that functions share, in numbered versions that never change."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.base.http import Body
from pilvi.kit import paging
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.lambda_ import access, errors, limits, links, names, packages, records, rules
from pilvi.services.lambda_.names import LayerName
from pilvi.services.lambda_.records import Layer, LayerVersion
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    DeleteLayerVersionRequest,
    GetLayerVersionByArnRequest,
    GetLayerVersionRequest,
    GetLayerVersionResponse,
    LayersListItem,
    LayerVersionsListItem,
    ListLayersRequest,
    ListLayersResponse,
    ListLayerVersionsRequest,
    ListLayerVersionsResponse,
    PublishLayerVersionResponse,
)
from pilvi.store.api import Snapshot, Transaction


@lambda_.stream("PublishLayerVersion")
@packages.few_at_once
async def publish_layer_version(
    call: Call, req: WatchedRequest, body: Body
) -> PublishLayerVersionResponse:
    """Add a version to a layer; the first one makes the layer.

    Raises: InvalidParameterValueException, RequestEntityTooLargeException. AWS: PublishLayerVersion.
    """
    name = names.parse_own_layer(call.scope, req["LayerName"])
    zipped = await packages.read_code(call, req["Content"])
    description, license_info = req.get("Description", ""), req.get("LicenseInfo")
    runtimes = tuple(req["CompatibleRuntimes"]) if "CompatibleRuntimes" in req else None
    architectures = None
    if "CompatibleArchitectures" in req:
        architectures = tuple(req["CompatibleArchitectures"])
    refuse_unread(lambda_.operations["PublishLayerVersion"], req)
    async with packages.saved(call, zipped) as saved:

        def publish(tx: Transaction) -> LayerVersion:
            layer = records.layers.find(tx, records.home(name.scope), name.name)
            layer = layer or Layer(name=name.name)
            layer = msgspec.structs.replace(layer, last_version=layer.last_version + 1)
            records.layers.put(tx, records.home(name.scope), layer)
            version = LayerVersion(
                layer=name.name,
                version=layer.last_version,
                description=description,
                license_info=license_info,
                runtimes=runtimes,
                architectures=architectures,
                package=saved.keep(tx),
                created_ms=call.now_ms,
            )
            home = records.layer_home(name.scope, name.name)
            records.layer_versions.put(tx, home, version)
            return version

        version = await call.transact(publish)
    return _described(call, name, version)


@lambda_.read("GetLayerVersion")
def get_layer_version(
    call: Call, at: Snapshot, req: GetLayerVersionRequest
) -> GetLayerVersionResponse:
    """Raises: ResourceNotFoundException, InvalidParameterValueException. AWS: GetLayerVersion."""
    name = access.layer_named(call, req["LayerName"])
    return _get(call, at, LayerName(name.scope, name.name, number(req["VersionNumber"])))


@lambda_.read("GetLayerVersionByArn")
def get_layer_version_by_arn(
    call: Call, at: Snapshot, req: GetLayerVersionByArnRequest
) -> GetLayerVersionResponse:
    """Raises: ResourceNotFoundException. AWS: GetLayerVersionByArn."""
    return _get(call, at, access.layer_named(call, req["Arn"]))


def _get(call: Call, at: Snapshot, name: LayerName) -> GetLayerVersionResponse:
    version = records.find_layer_version(at, name)
    if version is None:
        raise errors.NoSuchResource()
    return _described(call, name, version)


def number(version: int) -> int:
    """Raises: InvalidParameterValueException."""
    if version < 1:
        raise errors.InvalidParameterValueException(detail="Layer Version Cannot be less than 1")
    return names.version_number(version)


@lambda_.read("ListLayers")
def list_layers(call: Call, at: Snapshot, req: ListLayersRequest) -> ListLayersResponse:
    """A page of layers by name, each with its latest version.

    Raises: InvalidParameterValueException (marker). AWS: ListLayers.
    """
    runtime, architecture = req.get("CompatibleRuntime"), req.get("CompatibleArchitecture")
    after = rules.key_of_marker(req.get("Marker"))

    def listed() -> Iterator[tuple[str, LayersListItem]]:
        for layer in records.layers.scan(at, records.home(call.scope), after_key=after):
            name = LayerName(call.scope, layer.name)
            latest = next(_versions(at, name, None, runtime, architecture), None)
            if latest is not None:
                item: LayersListItem = {
                    "LayerName": layer.name,
                    "LayerArn": name.arn,
                    "LatestMatchingVersion": _item(name, latest),
                }
                yield layer.name, item

    page, more = paging.page_of(listed(), _page_size(req.get("MaxItems")))
    result: ListLayersResponse = {"Layers": [item for _, item in page]}
    if more:
        result["NextMarker"] = paging.token_of((page[-1][0],))
    return result


@lambda_.read("ListLayerVersions")
def list_layer_versions(
    call: Call, at: Snapshot, req: ListLayerVersionsRequest
) -> ListLayerVersionsResponse:
    """A page of a layer's versions, the newest first; none for a layer that does not exist.

    Raises: InvalidParameterValueException (marker). AWS: ListLayerVersions.
    """
    name = names.parse_own_layer(call.scope, req["LayerName"])
    found = _versions(
        at,
        name,
        rules.key_of_marker(req.get("Marker")),
        req.get("CompatibleRuntime"),
        req.get("CompatibleArchitecture"),
    )
    page, more = paging.page_of(found, _page_size(req.get("MaxItems")))
    result: ListLayerVersionsResponse = {"LayerVersions": [_item(name, one) for one in page]}
    if more:
        result["NextMarker"] = paging.token_of((page[-1].version,))
    return result


@lambda_.write("DeleteLayerVersion")
def delete_layer_version(
    call: Call, tx: Transaction, req: DeleteLayerVersionRequest
) -> dict[str, object]:
    """Delete a layer version, if it is there. Functions that use it keep it.

    Raises: InvalidParameterValueException. AWS: DeleteLayerVersion.
    """
    name = names.parse_own_layer(call.scope, req["LayerName"])
    home = records.layer_home(name.scope, name.name)
    gone = records.layer_versions.delete(tx, home, number(req["VersionNumber"]))
    if gone is not None:
        packages.drop(call.cloud, tx, gone.package)
        records.layer_policies.delete(tx, home, gone.version)
    return {}


def _versions(
    at: Snapshot,
    name: LayerName,
    after: tuple[str | int | bytes | None, ...] | None,
    runtime: str | None,
    architecture: str | None,
) -> Iterator[LayerVersion]:
    """The newest first; those that say nothing of runtimes or architectures fit none that is asked for."""
    home = records.layer_home(name.scope, name.name)
    for version in records.layer_versions.scan(at, home, after_key=after, reverse=True):
        if runtime is not None and runtime not in (version.runtimes or ()):
            continue
        if architecture is not None and architecture not in (version.architectures or ()):
            continue
        yield version


def _page_size(asked: int | None) -> int:
    return limits.PAGE_MAX if asked is None else min(asked, limits.PAGE_MAX)


def _item(name: LayerName, version: LayerVersion) -> LayerVersionsListItem:
    item: LayerVersionsListItem = {
        "LayerVersionArn": f"{name.arn}:{version.version}",
        "Version": version.version,
        "Description": version.description,
        "CreatedDate": rules.iso_time(version.created_ms),
    }
    if version.runtimes is not None:
        item["CompatibleRuntimes"] = list(version.runtimes)
    if version.architectures is not None:
        item["CompatibleArchitectures"] = list(version.architectures)
    if version.license_info is not None:
        item["LicenseInfo"] = version.license_info
    return item


def _described(call: Call, name: LayerName, version: LayerVersion) -> GetLayerVersionResponse:
    result: GetLayerVersionResponse = {
        "Content": {
            "Location": links.link_to_layer(call, name, version),
            "CodeSha256": version.package.sha256,
            "CodeSize": version.package.size_bytes,
        },
        "LayerArn": name.arn,
        "LayerVersionArn": f"{name.arn}:{version.version}",
        "Description": version.description,
        "CreatedDate": rules.iso_time(version.created_ms),
        "Version": version.version,
    }
    if version.runtimes is not None:
        result["CompatibleRuntimes"] = list(version.runtimes)
    if version.architectures is not None:
        result["CompatibleArchitectures"] = list(version.architectures)
    if version.license_info is not None:
        result["LicenseInfo"] = version.license_info
    return result
