"""Make the functions' deployment packages: zip files, with what each depends on inside."""

import hashlib
import io
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
FUNCTIONS = HERE / "functions"
BUILD = HERE / "build"
EPOCH = (1980, 1, 1, 0, 0, 0)


def python_runtime():
    """The Lambda runtime of the Python that runs this script: its wheels are what pip fetches for it."""
    return f"python3.{sys.version_info.minor}"


def architecture():
    return {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]


def package(name):
    """The zip of functions/<name>, with its dependencies; made anew only when something changed."""
    source = FUNCTIONS / name
    built = BUILD / f"{name}-{digest(source)}.zip"
    if not built.exists():
        BUILD.mkdir(exist_ok=True)
        staging = BUILD / name
        install_dependencies(source, staging)
        content = zipped(source, staging)
        built.with_suffix(".new").write_bytes(content)
        built.with_suffix(".new").rename(built)
    return built.read_bytes()


def digest(source):
    hashed = hashlib.sha256(f"{sys.version_info[:2]} {platform.machine()}".encode())
    for path in sorted(
        p for p in source.rglob("*") if p.is_file() and "node_modules" not in p.parts
    ):
        hashed.update(path.name.encode() + path.read_bytes())
    return hashed.hexdigest()[:16]


def install_dependencies(source, staging):
    staging.mkdir(exist_ok=True)
    requirements = source / "requirements.txt"
    if requirements.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade"]
        command += ["--only-binary", ":all:", "--target", str(staging), "-r", str(requirements)]
        subprocess.run(command, check=True)
    if (source / "package.json").exists():
        (staging / "package.json").write_bytes((source / "package.json").read_bytes())
        command = ["npm", "install", "--silent", "--omit=dev", "--no-audit", "--no-fund"]
        command += ["--no-package-lock", "--prefix", str(staging)]
        subprocess.run(command, check=True, cwd=staging)


def zipped(source, staging):
    """A zip with the same bytes for the same files, so that an unchanged function keeps its hash."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for root in (staging, source):
            for path in sorted(root.rglob("*")):
                name = path.relative_to(root)
                if path.is_dir() or "__pycache__" in name.parts or name.parts[0] == "bin":
                    continue
                if root is source and name.name == "package.json":
                    continue
                entry = zipfile.ZipInfo(str(name), EPOCH)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return out.getvalue()
