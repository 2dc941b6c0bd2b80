"""`pilvi up`: start the cloud, in this process or with workers beside it."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

import click

from pilvi.base.errors import PilviError
from pilvi.cli.clock import duration_ms
from pilvi.cli.remote import DEFAULT_DATA
from pilvi.kit.settings import Settings

_BACKLOG = 2048
_DYING_S_MAX = 0.5
"""For how long the processes of a server that was killed may still have its port."""
_DAY_MS_MIN, _DAY_MS_MAX = 1000, 24 * 60 * 60 * 1000


def _check_backend(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if name == "bwrap":
        return "bubblewrap"
    if name in ("namespaces", "bubblewrap", "process"):
        return name
    raise PilviError(f"there is no backend {name}.", "Choose namespaces, bubblewrap or process.")


def _check_day(_context: click.Context, _option: click.Parameter, given: str) -> int:
    """In milliseconds."""
    day_ms = duration_ms(given)
    if not _DAY_MS_MIN <= day_ms <= _DAY_MS_MAX:
        raise PilviError(f"a day of {given} is none.", "Choose 1s to 24h for --lifecycle-day.")
    return day_ms


def _check_watches(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> tuple[tuple[str, Path], ...]:
    watches: list[tuple[str, Path]] = []
    for one in given:
        name, equals, folder = one.partition("=")
        if not (name and equals and folder):
            raise PilviError(
                f"--watch {one} names no function and folder.", "Write --watch NAME=DIR."
            )
        if not Path(folder).is_dir():
            raise PilviError(f"there is no folder {folder}, which --watch {one} names.")
        watches.append((name, Path(folder).resolve()))
    return tuple(watches)


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="PILVI_DATA",
    help="Where everything is kept.  [default: .pilvi]",
)
@click.option(
    "--ephemeral", is_flag=True, help="Keep nothing: a temporary place that goes with it."
)
@click.option("--host", default="127.0.0.1", show_default=True, envvar="PILVI_HOST")
@click.option("--port", default=4566, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@click.option(
    "--auth",
    type=click.Choice(["open", "strict"]),
    default="open",
    show_default=True,
    help="open: unknown credentials act as root, on this machine only. strict: they are refused.",
)
@click.option(
    "--iam",
    type=click.Choice(["enforce", "audit", "off"]),
    default="enforce",
    show_default=True,
    envvar="PILVI_IAM",
    help="enforce: policies decide. audit: what they would deny is allowed, and told. off: they are not asked.",
)
@click.option(
    "--aws-policies",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="PILVI_AWS_POLICIES",
    help="A folder of policy documents (Name.json) to know as policies that AWS manages.",
)
@click.option("--tls", is_flag=True, help="Serve HTTPS with a self-signed certificate.")
@click.option(
    "--durability",
    type=click.Choice(["full", "relaxed"]),
    default="full",
    show_default=True,
    help="full: on disk before it is acknowledged. relaxed: a power cut may lose the last moments.",
)
@click.option(
    "--url", default="", help="The address that clients use, when it is not host and port."
)
@click.option(
    "--origin", "origins", multiple=True, help="A web origin whose pages may call the APIs."
)
@click.option(
    "--backend",
    metavar="[namespaces|bubblewrap|process]",
    default="namespaces",
    show_default=True,
    callback=_check_backend,
    help="How functions are isolated. bubblewrap: by that program, where only it may. process: not at all.",
)
@click.option(
    "--oidc-keys",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="PILVI_OIDC_KEYS",
    help="A folder with the keys of identity providers that cannot be asked: <issuer, / as _>.json each.",
)
@click.option(
    "--lifecycle-day",
    default="24h",
    show_default=True,
    envvar="PILVI_LIFECYCLE_DAY",
    callback=_check_day,
    help="How long a day of S3's lifecycle rules lasts, for trying them: 10s. Restores shrink with it.",
)
@click.option(
    "--exact-cpu",
    is_flag=True,
    help="Give functions no more processor time than on AWS, even while nobody else wants it.",
)
@click.option("--exact-runtimes", is_flag=True, help="Refuse a runtime whose version is not here.")
@click.option(
    "--lambda-scaling-rate",
    metavar="N",
    type=click.IntRange(1, 1_000_000),
    help="Let a function get N more environments in ten seconds at most; AWS: 1000.  [default: no limit]",
)
@click.option(
    "--lambda-request-rate",
    metavar="N",
    type=click.IntRange(1, 1_000_000),
    help="Take N invocations a second at most for each unit of concurrency; AWS: 10.  [default: no limit]",
)
@click.option(
    "--strict-members", is_flag=True, help="Refuse nested members that nothing read, too."
)
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Written when it answers; holds its URL and process as JSON.",
)
@click.option("--quiet", is_flag=True, help="Print nothing but problems.")
@click.option(
    "--scrub-every",
    metavar="DAYS",
    default=7.0,
    show_default=True,
    type=click.FloatRange(0, 3650),
    help="Verify all stored bodies so often. 0: never by itself; `pilvi scrub` does it.",
)
@click.option(
    "--scrub-rate",
    metavar="MB/S",
    default=50.0,
    show_default=True,
    type=click.FloatRange(0, 100_000),
    help="How fast. 0: as fast as it goes.",
)
@click.option(
    "--enforce-throughput",
    is_flag=True,
    envvar="PILVI_ENFORCE_THROUGHPUT",
    help="Throttle requests beyond what DynamoDB's tables and indexes have been provisioned with.",
)
@click.option(
    "--watch",
    "watches",
    multiple=True,
    metavar="NAME=DIR",
    callback=_check_watches,
    help="Run what a folder holds as the function NAME, anew with each change; see `pilvi lambda watch`.",
)
@click.option("--no-request-log", is_flag=True, help="Do not log each request.")
def up(
    data: Path | None,
    ephemeral: bool,
    host: str,
    port: int,
    workers: int,
    auth: str,
    iam: str,
    aws_policies: Path | None,
    tls: bool,
    durability: str,
    url: str,
    origins: tuple[str, ...],
    backend: str,
    oidc_keys: Path | None,
    lifecycle_day: int,
    exact_cpu: bool,
    exact_runtimes: bool,
    lambda_scaling_rate: int | None,
    lambda_request_rate: int | None,
    strict_members: bool,
    ready_file: Path | None,
    quiet: bool,
    scrub_every: float,
    scrub_rate: float,
    enforce_throughput: bool,
    watches: tuple[tuple[str, Path], ...],
    no_request_log: bool,
) -> None:
    """Start the cloud and serve until Ctrl-C or SIGTERM."""
    if ephemeral and data is not None:
        raise PilviError("--ephemeral and --data exclude each other.", "Leave one of them out.")
    settings = Settings(
        data=(data or DEFAULT_DATA).absolute(),
        host=host,
        port=port,
        workers=workers,
        ephemeral=ephemeral,
        auth=cast("Literal['open', 'strict']", auth),
        iam=cast("Literal['enforce', 'audit', 'off']", iam),
        aws_policies=aws_policies and aws_policies.absolute(),
        durability=cast("Literal['full', 'relaxed']", "relaxed" if ephemeral else durability),
        tls=tls,
        strict=strict_members,
        url=url,
        backend=cast("Literal['namespaces', 'bubblewrap', 'process']", backend),
        exact_cpu=exact_cpu,
        exact_runtimes=exact_runtimes,
        lambda_scaling_rate=lambda_scaling_rate,
        lambda_request_rate=lambda_request_rate,
        oidc_keys=None if oidc_keys is None else oidc_keys.absolute(),
        origins=origins,
        log_requests=not no_request_log,
        scrub_every_days=scrub_every,
        scrub_rate_bytes=round(scrub_rate * 1_000_000),
        lifecycle_day_ms=lifecycle_day,
        enforce_throughput=enforce_throughput,
    )
    if settings.auth == "open" and not settings.loopback_only:
        raise PilviError(
            f"listening on {host} with --auth open would let strangers act as root.",
            "Add --auth strict, or listen on 127.0.0.1.",
        )
    listener = _listen(host, port)
    settings = replace(settings, port=listener.getsockname()[1])
    if ephemeral:
        with tempfile.TemporaryDirectory(prefix="pilvi-", ignore_cleanup_errors=True) as directory:
            settings = replace(settings, data=Path(directory))
            sys.exit(_run(settings, listener, ready_file, quiet, watches))
    sys.exit(_run(settings, listener, ready_file, quiet, watches))


def _run(
    settings: Settings,
    listener: socket.socket,
    ready_file: Path | None,
    quiet: bool,
    watches: tuple[tuple[str, Path], ...],
) -> int:
    from pilvi.cli.supervise import supervise

    watching: list[subprocess.Popen[bytes]] = []

    def begin_watching() -> None:
        for name, folder in watches:
            command = [sys.executable, "-m", "pilvi", "lambda", "watch", name, str(folder)]
            command += ["--data", str(settings.data), "--parent", str(os.getpid())]
            watching.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))

    try:
        return supervise(
            settings, listener, ready_file=ready_file, quiet=quiet, then=begin_watching
        )
    finally:
        for process in watching:
            process.terminate()
        for process in watching:
            process.wait()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    patient_until = time.monotonic() + _DYING_S_MAX
    try:
        while True:
            try:
                listener.bind((host, port))
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() > patient_until:
                    raise
                time.sleep(0.02)
    except PermissionError:
        raise PilviError(
            f"port {port} needs privileges.", "Choose one above 1023 with --port."
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PilviError(
                f"port {port} is taken: another program listens on {host}:{port}.",
                "Stop it, or choose another port with --port (0 takes any free one).",
            ) from None
        raise PilviError(f"cannot listen on {host}:{port}: {error.strerror}.") from None
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener
