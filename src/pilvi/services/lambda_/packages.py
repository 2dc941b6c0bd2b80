"""Code packages: taken from requests or S3, unpacked, which is how they are checked, and stored as blobs.

The blob is the truth; the unpacked directory, named by the package's hash, is only a cache of it (see `laid_out.py`).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError, NotBuilt
from pilvi.base.http import Body
from pilvi.compute.unzipping import BadPackage, PackageTooLarge, unzipped_bytes
from pilvi.contracts.objects import ObjectNotReadable, Objects
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.services.lambda_ import errors, limits, records
from pilvi.services.lambda_.names import parse_layer
from pilvi.services.lambda_.questions import runner_of
from pilvi.services.lambda_.records import Configuration, LayerUse, Package
from pilvi.store.api import Transaction
from pilvi.store.blobs import NewBlob

log = logging.getLogger("pilvi.lambda")

T = TypeVar("T")
Handle = Callable[[Call, WatchedRequest, Body], Awaitable[T]]

_NO_CODE = "Please provide a source for function code."
_TOO_LARGE = f"Unzipped size must be smaller than {limits.UNZIPPED_BYTES_MAX} bytes"


def few_at_once(handle: Handle[T]) -> Handle[T]:
    """Let only a few requests hold a package in memory at a time; the others wait."""

    @wraps(handle)
    async def in_turn(call: Call, req: WatchedRequest, body: Body) -> T:
        async with runner_of(call.cloud).packages_room:
            return await handle(call, req, body)

    return in_turn


async def read_code(call: Call, source: Mapping[str, Any]) -> bytes:
    """The zip file that `Code`, `Content` or UpdateFunctionCode's members name.

    Raises: InvalidParameterValueException, AccessDeniedException (the caller may not read the object),
        RequestEntityTooLargeException, NotBuilt.
    """
    if source.get("ImageUri"):
        raise NotBuilt(what="functions from container images")
    if source.get("S3ObjectStorageMode", "COPY") != "COPY":
        raise NotBuilt(what="packages that stay in S3")
    if source.get("SourceKMSKeyArn"):
        raise NotBuilt(what="packages under a key of one's own")
    zipped = source.get("ZipFile")
    bucket, key, version = (
        source.get("S3Bucket"),
        source.get("S3Key"),
        source.get("S3ObjectVersion"),
    )
    if zipped is not None:
        if bucket or key:
            raise errors.InvalidParameterValueException(
                detail="Please do not provide other FunctionCode parameters when providing a ZipFile."
            )
        if len(zipped) > limits.ZIPPED_BYTES_MAX:
            raise errors.RequestEntityTooLargeException(size_max=limits.ZIPPED_BYTES_MAX)
        return zipped
    if not bucket or not key:
        raise errors.InvalidParameterValueException(detail=_NO_CODE)
    await _permit_read(call, bucket, key)
    try:
        return await call.ask(Objects).read_object(
            bucket, key, version, size_max=limits.UNZIPPED_BYTES_MAX
        )
    except ObjectNotReadable as error:
        raise errors.InvalidParameterValueException(
            detail=f"Error occurred while GetObject. S3 Error Code: {error.code}."
            f" S3 Error Message: {error.reason}"
        ) from None
    except ValueError:
        raise errors.InvalidParameterValueException(detail=_TOO_LARGE) from None


async def _permit_read(call: Call, bucket: str, key: str) -> None:
    """Whoever brings code from S3 must be allowed to read it. Raises: CodeNotReadable.

    That there is no such object is told by the reading itself, in S3's words.
    """
    try:
        await call.cloud.perform(
            "s3",
            "HeadObject",
            {"Bucket": bucket, "Key": key},
            scope=call.scope,
            principal=call.principal,
            cause=call.cause,
        )
    except AwsError as error:
        if error.status == 403:
            raise errors.CodeNotReadable(object=f"{bucket}/{key}") from None
        if error.status != 404:
            raise


def unsaved(zipped: bytes) -> Package:
    """What is known of a package before it is stored."""
    digest = hashlib.sha256(zipped).digest()
    return Package(None, base64.b64encode(digest).decode(), len(zipped))


async def check(cloud: Cloud, package: Package, zipped: bytes) -> None:
    """Unpack a package, so that a bad one is refused before it is stored.

    Raises: InvalidParameterValueException.
    """
    try:
        await runner_of(cloud).laid_out.unpacked.add(package.digest, zipped)
    except BadPackage as problem:
        log.info("a package was refused: %s", problem)
        raise errors.InvalidParameterValueException(
            detail="Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from None
    except PackageTooLarge:
        raise errors.InvalidParameterValueException(detail=_TOO_LARGE) from None


@asynccontextmanager
async def saved(call: Call, zipped: bytes) -> AsyncGenerator[Saved]:
    """Check a package by unpacking it, and store its bytes; they go again unless they are kept.

    Raises: InvalidParameterValueException when it cannot be unpacked.
    """
    package = unsaved(zipped)
    await check(call.cloud, package, zipped)
    size = await asyncio.to_thread(unzipped_bytes, zipped)
    blob = await call.cloud.blobs.write(zipped, size_max=limits.UNZIPPED_BYTES_MAX)
    try:
        yield Saved(blob, msgspec.structs.replace(package, blob=blob.ref, unzipped_bytes=size))
    except BaseException:
        await call.cloud.blobs.abandon(blob)
        raise


@dataclass(frozen=True, slots=True)
class Saved:
    blob: NewBlob
    package: Package

    def keep(self, tx: Transaction) -> Package:
        """Make the package durable with this transaction; it then has one user."""
        self.blob.commit(tx)
        return self.package


def retain(cloud: Cloud, tx: Transaction, package: Package) -> None:
    """One more record names the package."""
    assert package.blob is not None
    cloud.blobs.retain(tx, package.blob)


def drop(cloud: Cloud, tx: Transaction, package: Package) -> None:
    """One record fewer names the package; with the last, its bytes go."""
    assert package.blob is not None
    cloud.blobs.release(tx, package.blob)


def use_layers(
    call: Call, tx: Transaction, scope: Scope, arns: Sequence[str]
) -> tuple[LayerUse, ...]:
    """The layer versions that a function is to use, each with one user more.

    Raises: InvalidParameterValueException for one that does not exist, or is another account's whose policy did not
        let the caller read it when permission was asked.
    """
    uses: list[LayerUse] = []
    for arn in arns:
        name = parse_layer(scope, arn)
        open_to_caller = name.scope.account == call.account or call.granted
        version = records.find_layer_version(tx, name) if open_to_caller else None
        if version is None:
            raise errors.InvalidParameterValueException(
                detail=f"Layer version {arn} does not exist."
            )
        retain(call.cloud, tx, version.package)
        uses.append(LayerUse(name.version_arn, version.package))
    return tuple(uses)


def retain_all(cloud: Cloud, tx: Transaction, configuration: Configuration) -> None:
    """One more configuration with the same code and layers: a published version."""
    for package in (configuration.package, *(use.package for use in configuration.layers)):
        retain(cloud, tx, package)


def drop_all(cloud: Cloud, tx: Transaction, configuration: Configuration) -> None:
    for package in (configuration.package, *(use.package for use in configuration.layers)):
        drop(cloud, tx, package)
