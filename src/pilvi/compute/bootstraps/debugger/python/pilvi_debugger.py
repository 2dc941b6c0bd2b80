"""Runs inside the sandbox of a function that is debugged: connects to the debugger, then goes on as the runtime."""

from __future__ import annotations

import os
import runpy
import sys

ADDRESS = ("169.254.100.1", 5678)


def main() -> None:
    bootstrap = sys.argv[1]
    del sys.argv[0]
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    import debugpy  # noqa: T100  # pyright: ignore[reportMissingImports]

    try:
        debugpy.connect(ADDRESS)  # pyright: ignore[reportUnknownMemberType]
        debugpy.wait_for_client()  # noqa: T100  # pyright: ignore[reportUnknownMemberType]
    except (OSError, RuntimeError) as problem:
        print(f"pilvi: the debugger did not stay: {problem}; this goes on without", file=sys.stderr)
    sys.path[0] = os.path.dirname(bootstrap)
    runpy.run_path(bootstrap, run_name="__main__")


if __name__ == "__main__":
    main()
