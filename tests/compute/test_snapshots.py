"""SnapStart: the hooks around a snapshot, credentials that a function asks for, and what the log tells."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from compute.support import Function, Room, text_of
from pilvi.compute import snapshots

HOOKS = """
import json, os, urllib.request
from snapshot_restore_py import register_after_restore, register_before_snapshot

done = ["init"]
register_before_snapshot(lambda: done.append("before 1"))
register_before_snapshot(lambda: done.append("before 2"))
register_after_restore(lambda: done.append("after 1"))

@register_after_restore
def restored():
    done.append("after 2")
    if os.environ.get("FAIL"):
        raise ValueError("not restored")

def handler(event, context):
    if event == "boto3":
        import boto3
        found = boto3.session.Session().get_credentials().get_frozen_credentials()
        return [found.access_key, found.secret_key, found.token]
    if event == "ask":
        request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={
            "Authorization": "other"})
        try:
            return urllib.request.urlopen(request).status
        except urllib.error.HTTPError as error:
            return error.code
    return [done, sorted(os.environ)]
"""

GIVEN = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
}


def start(room: Room, **variables: str) -> Function:
    members: dict[str, Any] = {
        "initialization_type": "snap-start",
        "environment": {**GIVEN, **variables},
        "credentials_expire_at_ms": 4_000_000_000_000,
    }
    return room.start(HOOKS, **members)


def test_hooks_and_credentials(room: Room) -> None:
    """Before a snapshot, the hook that was registered last comes first; afterwards it is the other way round."""
    function = start(room)
    outcome = function.invoke()
    done, variables = json.loads(outcome.payload)
    assert done == ["init", "before 2", "before 1", "after 1", "after 2"]
    assert not {*GIVEN, "AWS_LAMBDA_LOG_STREAM_NAME"} & set(variables)
    text = text_of(outcome)
    assert re.search(
        r"INIT_START .*\nINIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: success\n"
        r"RESTORE_START Runtime Version: .*\nRESTORE_REPORT Restore Duration: [\d.]+ ms\nSTART ",
        text,
    )
    assert re.search(
        r"\tRestore Duration: [\d.]+ ms\tBilled Restore Duration: \d+ ms\t\n$",
        text,
    )
    assert "Init Duration" not in text.splitlines()[-1]
    assert function("boto3") == list(GIVEN.values())
    assert function("ask") == 404
    assert "Restore Duration" not in text_of(function.invoke())


def test_a_hook_that_fails(room: Room) -> None:
    outcome = start(room, FAIL="yes").invoke()
    document = json.loads(outcome.payload)
    assert (document["errorType"], document["errorMessage"]) == ("ValueError", "not restored")
    assert outcome.error_type == "Runtime.AfterRestoreError"
    assert "Status: error\tError Type: Runtime.AfterRestoreError\n" in text_of(outcome)


def test_a_restore_has_a_time_of_its_own(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "RESTORE_S_MAX", 0.3)
    source = "import time\n" + HOOKS.replace('if os.environ.get("FAIL"):', "if time.sleep(60):")
    outcome = room.start(source, initialization_type="snap-start").invoke()
    assert outcome.error_type == "Sandbox.RestoreTimedout"
    assert re.search(
        r"RESTORE_REPORT Restore Duration: [\d.]+ ms\tStatus: timeout\n", text_of(outcome)
    )


def test_restoring_without_snapstart_is_refused(room: Room) -> None:
    source = """
import http.client, os
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
connection.request("GET", "/2018-06-01/runtime/restore/next")
status = connection.getresponse().status
def handler(event, context):
    return status
"""
    assert room.start(source)() == 404
