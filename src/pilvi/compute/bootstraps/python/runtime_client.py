"""awslambdaric's Runtime API client in plain Python, for interpreters that its compiled one does not fit.

Four functions, as awslambdaric calls them. One connection is kept alive; it is opened anew when it broke.
"""

from __future__ import annotations

import http.client
import os

_PREFIX = "/2018-06-01/runtime/invocation/"
_connection = None
_user_agent = ""


def initialize_client(user_agent):
    global _user_agent
    _user_agent = user_agent


def next():
    """Wait for an invocation: (payload, headers)."""
    response, body = _request("GET", "next", None, {})
    if response.status != 200:
        raise RuntimeError(f"Failed to get next invocation: status {response.status}")
    return body, dict(response.getheaders())


def post_invocation_result(invoke_id, body, content_type, invocation_id=None):
    _post(f"{invoke_id}/response", body, {"Content-Type": content_type})


def post_error(invoke_id, error_response, xray_fault, invocation_id=None):
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Function-Error-Type": "Unhandled",
        "Lambda-Runtime-Function-XRay-Error-Cause": xray_fault.replace("\n", " "),
    }
    _post(f"{invoke_id}/error", error_response.encode(), headers)


def _post(path, body, headers):
    response, answer = _request("POST", path, body, headers)
    if response.status != 202:
        raise RuntimeError(f"Failed to post to {path}: status {response.status}, {answer[:1000]!r}")


def _request(method, path, body, headers):
    global _connection
    if _connection is None:
        _connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        _connection.request(method, _PREFIX + path, body, {"User-Agent": _user_agent, **headers})
        response = _connection.getresponse()
        return response, response.read()
    except (OSError, http.client.HTTPException):
        _connection.close()
        _connection = None
        raise
