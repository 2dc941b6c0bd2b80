"""A compiled wheel inside a sandbox: shared libraries, threads, and a file that it maps."""

from __future__ import annotations

import json
import os
import shutil

from compute.support import Function, Room
from wheels import RUNTIME, installed

NUMPY = """
import numpy as np
def handler(event, context):
    matrix = np.arange(event * event, dtype=float).reshape(event, event)
    np.save("/tmp/matrix.npy", matrix)
    mapped = np.load("/tmp/matrix.npy", mmap_mode="r")
    return float((matrix @ np.linalg.inv(np.eye(event) * 2)).sum() - mapped.sum() / 2)
"""


def start(room: Room, source: str, *requirements: str) -> Function:
    """A function with these packages beside it."""
    code = room.place / requirements[0]
    shutil.copytree(installed(*requirements), code, copy_function=_link)
    (code / "app.py").write_text(source)
    return room.start(runtime=RUNTIME, code_dir=code, memory_mb=1769)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def test_numpy(room: Room) -> None:
    assert start(room, NUMPY, "numpy>=2,<3")(50) == 0.0


POWERTOOLS = """
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver
from aws_lambda_powertools.utilities.typing import LambdaContext

logger, app = Logger(service="orders"), LambdaFunctionUrlResolver()

@app.get("/orders/<order>")
def order(order: str):
    logger.info("asked", extra={"order": order})
    return {"order": order}

@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext):
    return app.resolve(event, context)
"""


def test_powertools(room: Room) -> None:
    """AWS's own helpers: their logger takes names from the context, their router an event of a function URL."""
    function = start(room, POWERTOOLS, "aws-lambda-powertools>=3,<4")
    http = {"method": "GET", "path": "/orders/8"}
    event = {
        "version": "2.0",
        "rawPath": "/orders/8",
        "requestContext": {"http": http, "stage": "$default"},
    }
    outcome = function.invoke(event)
    answer = json.loads(outcome.payload)
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"order": "8"})
    line = next(json.loads(text) for _, text in outcome.log_lines if "asked" in text)
    name = function.environment.spec.function_name
    assert (line["service"], line["order"], line["function_name"]) == ("orders", "8", name)
    assert line["function_request_id"] == outcome.request_id
