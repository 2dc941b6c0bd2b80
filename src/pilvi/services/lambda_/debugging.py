"""Functions under a debugger: what differs in their environments. Who asks for it is `pilvi lambda debug`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pilvi.compute import debugger
from pilvi.compute.api import EnvironmentSpec
from pilvi.compute.unpacked import Unpacked

_WRAPPER = "/opt/pilvi-debugger"
_TIMEOUT_S = 86_400
"""While somebody thinks, the function's own time does not run out."""
_MEMORY_MB = 256
"""For debugpy, beside what the function has."""


async def attached(spec: EnvironmentSpec, data: Path, unpacked: Unpacked) -> EnvironmentSpec:
    """The specification of an environment that waits for a debugger; as it was, if nobody asked for one."""
    place = debugger.place_of(data, spec.function_arn)
    session = debugger.find(place)
    if session is None or spec.version != "$LATEST" or not spec.runtime.startswith("python"):
        return spec
    return msgspec.structs.replace(
        spec,
        layer_dirs=await unpacked.merged([*spec.layer_dirs, Path(session.layer)]),
        environment={**spec.environment, "AWS_LAMBDA_EXEC_WRAPPER": _WRAPPER},
        memory_mb=spec.memory_mb + _MEMORY_MB,
        timeout_s=_TIMEOUT_S,
        debugger=place,
    )
