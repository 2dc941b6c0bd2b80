"""Addresses from which anybody can download a package for ten minutes: `Code.Location`, `Content.Location`.

    <pilvi>/_aws/lambda-code/KIND/ACCOUNT/REGION/NAME/VERSION?expires=MS&signature=HEX

The signature's key is the random id of the package's blob, which never leaves the server: so a link ends with
its package, too, and nothing has to be stored for it. Expiry is told by the cloud's clock.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, quote, unquote

from pilvi.base.arn import Scope
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.kit.call import Call
from pilvi.services.lambda_ import errors, limits, records
from pilvi.services.lambda_.names import FunctionName, LayerName
from pilvi.services.lambda_.records import Configuration, LayerVersion, Package
from pilvi.services.lambda_.service import lambda_
from pilvi.store.api import Snapshot
from pilvi.store.blob_stream import BlobStream

_FUNCTION = "function"
_LAYER = "layer"
_NUMBER = re.compile(r"[0-9]{1,9}")


def link_to_function(call: Call, name: FunctionName, configuration: Configuration) -> str:
    """Where the code of one version of a function can be fetched from now on."""
    place = (_FUNCTION, name.scope.account, name.scope.region, name.name, configuration.version)
    return _link(call, place, configuration.package)


def link_to_layer(call: Call, name: LayerName, version: LayerVersion) -> str:
    """Where the package of a layer version can be fetched from now on."""
    place = (_LAYER, name.scope.account, name.scope.region, name.name, str(version.version))
    return _link(call, place, version.package)


def _link(call: Call, place: tuple[str, ...], package: Package) -> str:
    path = "/".join(quote(part, safe="") for part in place)
    expires_ms = call.now_ms + limits.LINK_MS
    signature = _signature(package, place, str(expires_ms))
    base = call.cloud.settings.external_url
    return f"{base}/_aws/lambda-code/{path}?expires={expires_ms}&signature={signature}"


def _signature(package: Package, place: tuple[str, ...], expires_ms: str) -> str:
    assert package.blob is not None
    signed = "\n".join((*place, expires_ms)).encode()
    return hmac.new(package.blob.id.encode(), signed, hashlib.sha256).hexdigest()


@lambda_.endpoint("lambda-code")
async def download(call: Call, request: HttpRequest) -> HttpResponse:
    """The package that a link leads to. Raises: BadLink."""
    if request.method != "GET":
        raise errors.BadLink(detail="Access Denied")
    place = (call.identifier, *(unquote(part) for part in request.path[1:].split("/")))
    query = parse_qs(request.query)
    expires_ms, signature = query.get("expires", [""])[0], query.get("signature", [""])[0]

    def open_package(at: Snapshot) -> BlobStream:
        package = _find(at, place)
        if package is None or not hmac.compare_digest(
            _signature(package, place, expires_ms).encode(), signature.encode()
        ):
            raise errors.BadLink(detail="Access Denied")
        if int(expires_ms) < call.now_ms:
            raise errors.BadLink(detail="Request has expired")
        assert package.blob is not None
        return call.cloud.blobs.open(at, (package.blob,))

    stream = await call.view(open_package)
    return HttpResponse(
        200, [("content-type", "application/zip")], _pieces(stream), length=stream.length
    )


def _find(at: Snapshot, place: tuple[str, ...]) -> Package | None:
    """The package that a link names, while it exists."""
    if len(place) != 5:
        return None
    kind, account, region, name, version = place
    scope = Scope(account, region)
    if kind == _FUNCTION:
        function = records.functions.find(at, records.home(scope), name)
        if function is None or version == function.latest.version:
            return None if function is None else function.latest.package
        number = int(version) if _NUMBER.fullmatch(version) else 0
        found = records.versions.find(at, records.function_home(scope, name), number)
        return None if found is None else found.package
    if kind == _LAYER and _NUMBER.fullmatch(version):
        layer = records.find_layer_version(at, LayerName(scope, name, int(version)))
        return None if layer is None else layer.package
    return None


async def _pieces(stream: BlobStream) -> AsyncIterator[bytes]:
    async with stream:
        async for piece in stream:
            yield piece
