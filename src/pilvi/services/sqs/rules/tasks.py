"""Message move tasks: their handles.

AWS: StartMessageMoveTask, CancelMessageMoveTask.
"""

from __future__ import annotations

import base64
import binascii

import orjson


def handle_of(task_id: str, source_arn: str) -> str:
    said = {"taskId": task_id, "sourceArn": source_arn}
    return base64.b64encode(orjson.dumps(said)).decode()


def parse(handle: str) -> tuple[str, str] | None:
    """The task's id and its source; None for what is no handle."""
    try:
        said = orjson.loads(base64.b64decode(handle, validate=True))
        task_id, source_arn = said["taskId"], said["sourceArn"]
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
    if not isinstance(task_id, str) or not isinstance(source_arn, str):
        return None
    return task_id, source_arn


def source_of(handle: str) -> str | None:
    found = parse(handle)
    return None if found is None else found[1]
