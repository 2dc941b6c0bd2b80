"""What the person who starts pilvi decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"
DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Settings:
    """One server's settings; the same in all its workers."""

    data: Path
    """The data directory. With `ephemeral` it is a temporary one that goes with the server."""
    host: str = "127.0.0.1"
    port: int = 4566
    workers: int = 1
    ephemeral: bool = False
    auth: Literal["open", "strict"] = "open"
    iam: Literal["enforce", "audit", "off"] = "enforce"
    durability: Literal["full", "relaxed"] = "full"
    tls: bool = False
    strict: bool = False
    """Refuse nested request members that nothing read, too (always on in tests)."""
    url: str = ""
    """The address that clients use, as given by `--url`; else made of host and port."""
    backend: Literal["namespaces", "bubblewrap", "process"] = "namespaces"
    exact_cpu: bool = False
    """Functions get no more processor time than on AWS, even while nobody else wants it."""
    exact_runtimes: bool = False
    lambda_scaling_rate: int | None = None
    """How many more environments a function may get in ten seconds; AWS: 1,000. None: as many as there is room for."""
    lambda_request_rate: int | None = None
    """How many invocations a second for each unit of concurrency; AWS: 10. None: as many as there are."""
    oidc_keys: Path | None = None
    """Key sets of identity providers, `<issuer with / as _>.json` each; others are fetched from their issuers."""
    origins: tuple[str, ...] = field(default=())
    """Browser origins, beyond those of this machine, that may call the APIs."""
    aws_policies: Path | None = None
    """A directory of policies that are to count as AWS's, beside those that are known."""
    log_requests: bool = True
    lifecycle_day_ms: int = DAY_MS
    """How long a day of S3's lifecycle rules lasts, and with it the hours of restores."""
    scrub_every_days: float = 7.0
    """How often all stored bodies are read and verified, by the clock; 0: only when somebody asks."""
    scrub_rate_bytes: int = 50_000_000
    """A second, at most; 0: as fast as it goes."""
    enforce_throughput: bool = False
    """Whether DynamoDB throttles those who ask for more than tables have been given."""

    @property
    def external_url(self) -> str:
        """Where clients reach pilvi, without a trailing slash: part of queue URLs, API endpoints and so on."""
        if self.url:
            return self.url.rstrip("/")
        host = "localhost" if self.host in ("127.0.0.1", "0.0.0.0", "::", "::1") else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    @property
    def external_host(self) -> str:
        """`localhost:4566`: host and port of `external_url`."""
        return self.external_url.split("://", 1)[1]

    @property
    def loopback_only(self) -> bool:
        return self.host in ("127.0.0.1", "::1", "localhost")
