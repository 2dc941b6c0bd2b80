"""The last step inside a sandbox: turn the forked process into the function's runtime.

Python functions go on in the zygote's own interpreter, with awslambdaric as it is; all others are executed.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import signal
import sys
from typing import Any, NoReturn

from pilvi.compute.launcher import programs, snapshot

_CLIENT_PACKAGES = ("boto3", "botocore", "s3transfer", "urllib3", "jmespath", "dateutil", "six")
"""What the zygote has loaded already and a function may bring in a version of its own."""


_COMMON = (
    *(
        "base64",
        "datetime",
        "decimal",
        "encodings.idna",
        "hashlib",
        "http.client",
        "logging",
        "ssl",
        "urllib.request",
        "uuid",
    ),
    *(
        "awslambdaric.bootstrap",
        "awslambdaric.lambda_literals",
        "awslambdaric.lambda_runtime_client",
    ),
)


def run_runtime(request: dict[str, Any]) -> NoReturn:
    """Python's, which was loaded before. Never returns."""
    become_function(request["handler"], request["environment"])
    if request.get("template"):
        from awslambdaric import lambda_runtime_client

        def restore_next(self: object) -> None:  # after the hooks before a snapshot
            snapshot.wait(request["landlock"], request["devices"])

        lambda_runtime_client.LambdaRuntimeClient.restore_next = restore_next
    run_function(request["handler"], request["directory"])


def execute(
    arguments: list[str], directory: str, environment: dict[str, str]
) -> tuple[str, OSError]:
    """Become this program. Returns only when it could not be started: which one, and why.

    A function's own program is told of in the log as well, so that people see at once what to mend.
    """
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and a program would inherit
    try:
        os.chdir(directory)
        os.execve(arguments[0], arguments, environment)
    except OSError as error:
        because = programs.hint(arguments[0], error)
        text = f"{arguments[0]}: {error.strerror}" + (f"; pilvi: {because}" if because else "")
        os.write(2, f"{text}\n".encode())
        return arguments[0], error


def preload() -> None:
    """Load what Python functions commonly need. Runs in the zygote, before any function is known."""
    for name in _COMMON:
        importlib.import_module(name)


def preload_clients() -> None:
    """Load the AWS SDK, which takes longer than all else; the launcher does it when it has nothing to do."""
    for name in ("boto3.session", "botocore.session"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            # This Python is too old for it. Functions without it run; one that imports it is told the same.
            print(f"pilvi: {name} does not load: {error}", file=sys.stderr)
            return


def become_function(handler: str, environment: dict[str, str]) -> None:
    """Have all that a function finds of itself; its files need not be there yet."""
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = ["/var/runtime/bootstrap.py", handler]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    from awslambdaric import bootstrap, lambda_runtime_client, lambda_runtime_marshaller

    if "AWS_LAMBDA_LOG_FORMAT" in environment or "AWS_LAMBDA_LOG_LEVEL" in environment:
        importlib.reload(bootstrap)  # it reads these when it is imported
    # It reads AWS_EXECUTION_ENV.
    lambda_runtime_client.BaseLambdaRuntimeClient.marshaller = (
        lambda_runtime_marshaller.LambdaMarshaller()
    )


def run_function(handler: str, directory: str) -> NoReturn:
    """Load it from there, and serve it as long as it lives."""
    os.chdir(directory)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    sys.path[:0] = ["/var/task", f"/opt/python/lib/{version}/site-packages", "/opt/python"]
    _forget_replaced_clients()
    code = 1
    try:
        from awslambdaric import bootstrap, lambda_runtime_client

        client = lambda_runtime_client.LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
        bootstrap.run(handler, client)  # pyright: ignore[reportUnknownMemberType]
    except SystemExit as stop:
        code = _exit_code(stop)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        _finish(code)


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    print(stop.code, file=sys.stderr)
    return 1


def _finish(code: int) -> NoReturn:
    """End the process as the interpreter would, but without going back into the launcher's own frames."""
    try:
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _forget_replaced_clients() -> None:
    """Unload what the function brings in a version of its own."""
    if not any(_brings_clients(place) for place in sys.path[:3]):
        return
    for name in [name for name in sys.modules if name.partition(".")[0] in _CLIENT_PACKAGES]:
        del sys.modules[name]
    gc.unfreeze()  # else they would never be collected


def _brings_clients(place: str) -> bool:
    """One look at the directory, which mostly is not there, instead of one for each name."""
    try:
        found = {name.removesuffix(".py") for name in os.listdir(place)}
    except OSError:
        return False
    return not found.isdisjoint(_CLIENT_PACKAGES)
