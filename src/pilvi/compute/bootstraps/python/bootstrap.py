"""The program that runs a Python function where it is executed, not forked: under a wrapper, or without isolation."""

from __future__ import annotations

import os
import sys


def main() -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    task = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
    layers = os.environ.get("PILVI_LAYERS_ROOT", "/opt")
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0] or ".") == here:
        del sys.path[0]  # this directory comes last, so that a function can bring its own SDK
    sys.path[:0] = [task, f"{layers}/python/lib/{version}/site-packages", f"{layers}/python"]
    if here not in sys.path:
        sys.path.append(here)
    from awslambdaric import bootstrap, lambda_runtime_client

    client = lambda_runtime_client.LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
    bootstrap.run(sys.argv[1], client)  # pyright: ignore[reportUnknownMemberType]


if __name__ == "__main__":
    main()
