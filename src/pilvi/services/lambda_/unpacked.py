"""Unpacked packages: directories named by their hash, a cache of the blobs."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path

from pilvi.kit.cloud import Cloud
from pilvi.services.lambda_ import errors
from pilvi.services.lambda_.records import Package


async def unpack(cloud: Cloud, package: Package, zipped: bytes) -> Path:
    root = cloud.settings.data / "cache" / "code"
    root.mkdir(parents=True, exist_ok=True)
    root = root / base64.b64decode(package.sha256).hex()
    try:
        z = zipfile.ZipFile(io.BytesIO(zipped))
        for i in z.infolist():
            p = Path(z.extract(i, root))
            p.chmod(0o755)
    except zipfile.BadZipFile:
        raise errors.InvalidParameterValueException(
            detail="Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from None
    import subprocess

    subprocess.run(["chmod", "-R", "a+rX", str(cloud.settings.data / "cache")])
    return root


async def directory(cloud, package):
    root = cloud.settings.data / "cache" / "code" / base64.b64decode(package.sha256).hex()
    if root.exists():
        return root
    return await unpack(
        cloud, package, await cloud.blobs.read_all([package.blob], size_max=1 << 30)
    )


async def layers_directory(cloud, uses):
    dirs = [await directory(cloud, u.package) for u in uses]
    return tuple(dirs[:1])
