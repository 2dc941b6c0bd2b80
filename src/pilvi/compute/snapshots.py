"""SnapStart, as a function sees it: runtime hooks around a snapshot, and credentials that it asks for.

AWS: Lambda Developer Guide, "Improving startup performance with Lambda SnapStart"; "Lambda SnapStart runtime hooks".
How memory is kept: `templates.py`. Where it is not, each environment initialises itself, and is restored at once:
hooks run in their order, credentials are asked for, the log tells of both phases.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import orjson

from pilvi.compute import report
from pilvi.compute.api import EnvironmentSpec
from pilvi.compute.ends import Answer

SNAP_START: Final = "snap-start"
CREDENTIALS_PATH = "/2021-04-23/credentials"
RESTORE_S_MAX = 10.0
"""For hooks after a restore, and for the runtime to ask for its first invocation."""
LATE: Final = Answer(
    report.platform_error("", "Sandbox.RestoreTimedout", "The snapshot was not restored in time."),
    "Sandbox.RestoreTimedout",
)
HOOK_FAILED: Final = "Runtime.AfterRestoreError"
FAMILIES = ("python", "java")

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_UNKNOWN_AT_SNAPSHOT = ("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME")


def variables(spec: EnvironmentSpec, given: dict[str, str], *, runtime_api: str) -> dict[str, str]:
    """The variables of a function, without what a snapshot cannot hold: it asks for its credentials instead."""
    _host, _, port = runtime_api.rpartition(":")
    kept = {
        name: value for name, value in given.items() if name not in (*_KEYS, *_UNKNOWN_AT_SNAPSHOT)
    }
    return kept | {
        # An address that AWS's SDKs accept here.
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}{CREDENTIALS_PATH}",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": _token(spec),
    }


def credentials(
    spec: EnvironmentSpec, token: str, *, snapshot: EnvironmentSpec | None = None
) -> bytes | None:
    """The document for whoever shows the token; None for others. `snapshot`: whose token it may be as well."""
    if not any(
        hmac.compare_digest(token.encode(), _token(known).encode())
        for known in (spec, snapshot or spec)
    ):
        return None
    key, secret, session = (spec.environment.get(name, "") for name in _KEYS)
    return orjson.dumps(
        {
            "AccessKeyId": key,
            "SecretAccessKey": secret,
            "Token": session,
            "Expiration": report.instant(spec.credentials_expire_at_ms),
        }
    )


def _token(spec: EnvironmentSpec) -> str:
    """Known only to who has the credentials already."""
    return hashlib.sha256(spec.environment.get(_KEYS[1], "").encode()).hexdigest()
