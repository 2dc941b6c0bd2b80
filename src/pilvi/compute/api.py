"""The words of this room: what an execution environment is made from, what it is asked and what it answers.

The room knows neither Lambda's HTTP API nor the store. It gets an `EnvironmentSpec`, runs a function by
it, and gives back an `Outcome` with the log lines. AWS: Lambda Developer Guide, "Understanding the Lambda
execution environment lifecycle".
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import msgspec

from pilvi.compute.events import Trace
from pilvi.compute.streaming import ResponseStream

PAYLOAD_BYTES_MAX = 6 * 1024 * 1024 + 100
"""The most that a function may answer; AWS states this number in its error."""

TAIL_BYTES_MAX = 4096

LogLine = tuple[int, str]
"""(timestamp in ms since the epoch, message). A message ends with its own newline, as in CloudWatch Logs."""


class EnvironmentSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that an environment is made from. Two environments of equal specs are interchangeable."""

    key: str
    """Names code and configuration: ARN, version, code hash, revision. A change of any makes a new key."""
    function_name: str
    function_arn: str
    version: str
    runtime: str
    """As Lambda names it: python3.13, nodejs20.x, provided.al2023."""
    handler: str
    code_dir: Path
    """The unpacked package (see `packages`); becomes /var/task, read-only."""
    layer_dirs: tuple[Path, ...] = ()
    """Unpacked layers in the order in which the function names them; merged into /opt, the last one wins."""
    environment: dict[str, str] = {}
    """The function's own variables, its credentials and its region. `variables.py` adds what the runtime gives, and
    AWS_ENDPOINT_URL."""
    credentials_expire_at_ms: int = 0
    """When those in `environment` end; told to a function that asks for them (SnapStart)."""
    memory_mb: int = 128
    timeout_s: float = 3
    init_s_max: float = 10
    """How long it may initialise before it begins again, in the time of its first invocation."""
    tmp_mb: int = 512
    log_group: str = ""
    log_stream: str = ""
    log_format: str = "Text"
    """Text or JSON; of JSON the levels below say what is written."""
    application_log_level: str = "INFO"
    """TRACE, DEBUG, INFO, WARN, ERROR, FATAL"""
    system_log_level: str = "INFO"
    """DEBUG, INFO, WARN"""
    initialization_type: Literal["on-demand", "provisioned-concurrency", "snap-start"] = "on-demand"
    debugger: Path | None = None
    """The file that asks for one (see `debugger.py`)."""
    exact_runtime: bool = False
    """Refuse the nearest interpreter of the family when the named one is not on this host."""


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    request_id: str
    payload: bytes
    invoked_function_arn: str
    timeout_s: float | None = None
    """None: the spec's."""
    client_context: str | None = None
    """JSON, already decoded from base64."""
    cognito_identity: str | None = None
    trace: Trace | None = None
    """Of X-Ray; the header in it goes to the function."""
    tenant_id: str | None = None
    content_type: str = "application/json"
    stream: ResponseStream | None = None
    """Gets the answer piece by piece, if the runtime streams it; else, and without one, the outcome has it."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one invocation.

    `payload` is the function's answer, or the error document when `error` is set. `error_type` is what
    ended it: the function's own exception, `Runtime.ExitError`, `Sandbox.Timedout`, ...
    `log_lines` holds START, END and REPORT too, and before them what the environment wrote while it
    initialised (then INIT_START comes first).
    """

    request_id: str
    payload: bytes
    error: Literal["Unhandled"] | None
    error_type: str | None
    duration_ms: float
    billed_ms: int
    init_ms: float | None
    """How long the initialisation took; None unless this was the environment's first invocation."""
    max_memory_mb: int
    log_lines: list[LogLine]
    own_lines: int
    """How many of them, the last ones, are of the invocation itself: from START on."""

    @property
    def log_tail(self) -> bytes:
        """The last 4 KiB of the invocation's own lines: X-Amz-Log-Result before base64. Each ends, as recorded: those
        of entries too that have no end in the log."""
        kept: list[bytes] = []
        size = 0
        for _, line in self.log_lines[: -self.own_lines - 1 : -1]:
            kept.append((line if line.endswith("\n") else line + "\n").encode())
            size += len(kept[-1])
            if size >= TAIL_BYTES_MAX:
                break
        return b"".join(reversed(kept))[-TAIL_BYTES_MAX:]


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment used, and by which means it is held to its limits."""

    invocations: int
    memory_mb: int
    max_memory_mb: int
    frozen: bool
    limits: tuple[str, ...]
    """For example ("memory: cgroup v1", "processes: rlimit"); names also what is not limited."""


class ComputeError(Exception):
    """The room could not run the function; `reason` tells the caller, the text tells people why."""

    reason = "ComputeError"


class EnvironmentFailed(ComputeError):
    """The environment could not be made: a fault of the host or of pilvi, not of the function."""

    reason = "EnvironmentFailed"


class EnvironmentGone(ComputeError):
    """The environment died before the invocation began. Nothing ran; another one may be tried."""

    reason = "EnvironmentGone"


class InvalidEntrypoint(ComputeError):
    """The function names no program that can be started: no `bootstrap`, no such runtime on this host."""

    reason = "Runtime.InvalidEntrypoint"


class Environment(Protocol):
    """One execution environment: one invocation at a time; globals and /tmp live on in between."""

    rests: bool
    """Nothing runs in it; the next invocation has to begin it again."""

    @property
    def spec(self) -> EnvironmentSpec: ...

    @property
    def alive(self) -> bool: ...

    async def initialised(self) -> bool:
        """Wait until it could run an invocation at once; whether it can."""
        ...

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation. A function that raises, exits or overruns its time gives an Outcome with `error`.

        An environment that exited or overran its time begins again with the next invocation, over the same /tmp,
        unless it is dead afterwards. Raises: EnvironmentGone when it had died before.
        """
        ...

    def freeze(self) -> None:
        """Stop every process in it; returns at once. Frozen environments use no processor time."""
        ...

    def thaw(self) -> None: ...

    async def kill(self, reason: str) -> None:
        """End all its processes and remove what it left on the host; returns when they are gone."""
        ...

    def stats(self) -> Stats: ...

    def take_lines(self) -> list[LogLine]:
        """Log lines that were written outside any invocation and were not yet part of an Outcome."""
        ...


class Probe(msgspec.Struct, frozen=True):
    """Whether a backend works on this host; else why not, and what the person can do."""

    usable: bool
    reason: str = ""
    advice: str = ""


class Backend(Protocol):
    @property
    def name(self) -> str: ...

    async def probe(self) -> Probe: ...

    async def prepare(self, runtime: str, *, exact: bool, memory_mb: int, tmp_mb: int) -> None:
        """Have ready what a first environment of this kind would wait for. Raises: as `start`."""
        ...

    async def prepare_snapshot(self, spec: EnvironmentSpec) -> None:
        """Initialise a version whose environments are to be forks, if they can be. Raises: as `start`."""
        ...

    async def start(self, spec: EnvironmentSpec) -> Environment:
        """Make an environment. It goes on initialising while its first invocation waits.

        Raises: EnvironmentFailed, InvalidEntrypoint.
        """
        ...

    async def close(self) -> None:
        """Kill all environments and the processes that make them."""
        ...
