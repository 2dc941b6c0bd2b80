"""A layer with what requirements.txt asks for: a change of a watched function's code then brings only the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pilvi.base.errors import PilviError
from pilvi.cli.lambda_.packing import ZIPPED_BYTES_MAX, pack, shown, size_of
from pilvi.cli.lambda_.requiring import Requirements, mark_of


class RequiredLayer:
    """`functions`: a client of Lambda. `home`: where pip installs."""

    def __init__(self, functions: Any, name: str, home: Path) -> None:
        self._functions = functions
        self._name = f"{name}-requirements"
        self._requirements = Requirements(home)

    def version_for(self, file: Path | None, runtime: str, architecture: str) -> str | None:
        """The ARN of the layer's version, published if it has to be; None when nothing is asked for.

        Raises: PilviError, ClientError.
        """
        if file is None or not runtime.startswith("python"):
            return None
        mark = mark_of(file, runtime, architecture)
        if mark is None:
            return None
        for known in self._versions():
            if known.get("Description") == mark:
                return known["LayerVersionArn"]
        brought = self._requirements.install(file, runtime, architecture)
        size_of(brought)
        zipped = pack({f"python/{name}": path for name, path in brought.items()}, quick=True)
        if len(zipped) > ZIPPED_BYTES_MAX:
            raise PilviError(
                f"what {file.name} asks for is {shown(len(zipped))} when zipped, and a request may bring"
                f" {shown(ZIPPED_BYTES_MAX)}.",
                "`pilvi lambda package` makes a zip file, which can be deployed from a bucket.",
            )
        made = self._functions.publish_layer_version(
            LayerName=self._name,
            Description=mark,
            Content={"ZipFile": zipped},
            CompatibleRuntimes=[runtime],
            CompatibleArchitectures=[architecture],
        )
        return made["LayerVersionArn"]

    def use(self, function: dict[str, Any], version: str | None) -> dict[str, Any]:
        """Let the function have this version behind its other layers; gives its configuration. Raises: ClientError."""
        has = [layer["Arn"] for layer in function.get("Layers", [])]
        wanted = [arn for arn in has if arn.split(":")[-2] != self._name]
        wanted += [version] if version is not None else []
        if wanted != has:
            function = self._functions.update_function_configuration(
                FunctionName=function["FunctionName"], Layers=wanted
            )
        for known in self._versions():
            if known["LayerVersionArn"] != version:
                self._functions.delete_layer_version(
                    LayerName=self._name, VersionNumber=known["Version"]
                )
        return function

    def _versions(self) -> list[dict[str, Any]]:
        return self._functions.list_layer_versions(LayerName=self._name)["LayerVersions"]
