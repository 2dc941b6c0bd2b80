"""Tasks that are a function's: one invocation for each object.

AWS: S3 User Guide, "Invoke AWS Lambda function", sections "Request schema", "Response schema".
"""

from __future__ import annotations

import base64
from typing import Any, cast
from urllib.parse import quote_plus

import orjson

from pilvi.base.errors import AwsError
from pilvi.services.s3.batch.acting import Acting
from pilvi.services.s3.batch.outcomes import Outcome, succeeded
from pilvi.services.s3.records.batch_jobs import Task
from pilvi.services.s3.rules import names

_PERMANENT, _TEMPORARY = "PermanentFailure", "TemporaryFailure"
_AGAIN = frozenset({"TooManyRequestsException", "ServiceException", "ResourceNotReadyException"})


async def invoke(acting: Acting, asked: dict[str, Any], task: Task, task_id: str) -> Outcome:
    """Keys are URL-encoded in the event, as in a manifest. Raises: AwsError (no such function, not permitted)."""
    event = _event(acting, asked, task, task_id)
    request = {"FunctionName": asked["FunctionArn"], "Payload": orjson.dumps(event)}
    try:
        answer = await acting.perform("Invoke", request, service="lambda")
    except AwsError as error:
        if error.code not in _AGAIN:
            raise
        return Outcome(
            ok=False, status=error.status, code=error.code, message=error.text, again=True
        )
    payload = cast("bytes", answer["Payload"])
    if "FunctionError" in answer:
        told = payload.decode(errors="replace")
        return _permanent(f"Lambda returned function error: {told}")
    return _outcome(payload, task_id)


def _event(acting: Acting, asked: dict[str, Any], task: Task, task_id: str) -> dict[str, Any]:
    version = asked.get("InvocationSchemaVersion", "1.0")
    one: dict[str, Any] = {
        "taskId": task_id,
        "s3Key": quote_plus(task.key, safe="/*"),
        "s3VersionId": task.version_id or None,
    }
    job: dict[str, Any] = {"id": acting.job.id}
    if version == "1.0":
        one["s3BucketArn"] = names.bucket_arn(task.bucket)
    else:
        one["s3Bucket"] = task.bucket
        if "UserArguments" in asked:
            job["userArguments"] = asked["UserArguments"]
    return {
        "invocationSchemaVersion": version,
        "invocationId": base64.b64encode(acting.cloud.entropy.bytes(36)).decode(),
        "job": job,
        "tasks": [one],
    }


def _outcome(payload: bytes, task_id: str) -> Outcome:
    try:
        answer: Any = orjson.loads(payload)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        return _permanent("Lambda returned a response that is no JSON object")
    told = cast("dict[str, Any]", answer)
    results = told.get("results")
    if not isinstance(results, list):
        return _permanent("Lambda returned a response without results")
    code: object = told.get("treatMissingKeysAs", _TEMPORARY)
    message: object = "Lambda returned no result for the task"
    for one in cast("list[object]", results):
        if isinstance(one, dict) and cast("dict[str, Any]", one).get("taskId") == task_id:
            found = cast("dict[str, Any]", one)
            code, message = found.get("resultCode"), found.get("resultString", "")
    text = message if isinstance(message, str) else orjson.dumps(message).decode()
    match code:
        case "Succeeded":
            return succeeded(text)
        case "TemporaryFailure":
            return Outcome(ok=False, code=_TEMPORARY, message=text, again=True)
        case "PermanentFailure":
            return _permanent(text)
        case _:
            return _permanent(f"Lambda returned the result code {code!r}, which is none")


def _permanent(message: str) -> Outcome:
    return Outcome(ok=False, code=_PERMANENT, message=message)
