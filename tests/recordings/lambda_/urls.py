"""Addresses of functions: who may call, what a function sees there, and what its callers get."""

from __future__ import annotations

import json

from recordings.lambda_.invocations import NODE, node
from recordings.lambda_.invoking import Invoking, call, invocation, spelt

OF = "TestLambdaURL::test_lambda_url"
F = {"FunctionName": "f"}

RETURNED = {
    "dict": {"hello": "world"},
    "http-response": {"statusCode": 200, "body": "body123"},
    "http-response-json": {"statusCode": 200, "body": json.dumps({"hello": "world"})},
    "list-mixed": ["hello", 3, True],
    "string": "hello",
    "integer": 3,
    "float": 3.1,
    "boolean": True,
}


@invocation(*(f"{OF}_invocation[{kind}]" for kind in RETURNED))
def returned(story: Invoking) -> None:
    value = RETURNED[story.parameter]
    url = story.address(f"def handler(event, context): return {value!r}\n")
    status, headers, body = call(url)
    told = {name: headers[name] for name in ("Content-Length", "Content-Type")}
    content = json.loads(body) if body.startswith(b"{") else body.decode()
    answer = {"statuscode": status, "headers": told, "content": content}
    story.said["lambda_url_invocation"] = answer


@invocation(f"{OF}_invocation_exception")
def raising(story: Invoking) -> None:
    url = story.address("def handler(event, context): raise Exception('no')\n")
    story("get_fn_result", "get_function", **F)
    status, _, body = call(url)
    assert (status, body) == (502, b"Internal Server Error")


@invocation("TestRequestIdHandling::test_request_id_invoke_url")
def request_ids(story: Invoking) -> None:
    url = story.address("def handler(event, context): return 'hi'\n")
    status, headers, body = call(url)
    story.said["lambda_url_invocation"] = {
        "statuscode": status,
        "headers": {"x-amzn-RequestId": headers["x-amzn-RequestId"]},
        "content": body.decode(),
    }
    story.said["end_log_entries"] = [line.strip() for line in story.logged("f", "END")]


@invocation("TestLambdaPermissions::test_lambda_permission_url_invocation")
def forbidden(story: Invoking) -> None:
    story.function("def handler(event, context): return 'hi'\n")
    made = story.do("create_function_url_config", AuthType="NONE", **F)
    status, _, body = call(made["FunctionUrl"])
    assert status == 403
    story.said["lambda_url_invocation_missing_permission"] = json.loads(body)


@invocation(f"{OF}_invalid_invoke_mode")
def no_mode(story: Invoking) -> None:
    story.function("def handler(event, context): return 'hi'\n")
    request = {"AuthType": "NONE", "InvokeMode": "UNKNOWN", **F}
    story("invoke_function_invalid_invoke_type", "create_function_url_config", **request)


@invocation("TestLambdaURL::test_lambda_update_function_url_config")
def another_mode(story: Invoking) -> None:
    story.function("def handler(event, context): return 'hi'\n")
    update, get = "update_function_url_config", "get_function_url_config"
    first = {"AuthType": "NONE", "InvokeMode": "BUFFERED", **F}
    story("create_lambda_url_config", "create_function_url_config", **first)
    story("get_url_config", get, **F)
    story("modify_lambda_url_config", update, AuthType="NONE", InvokeMode="RESPONSE_STREAM", **F)
    story("get_url_config_2", get, **F)
    story("modify_lambda_url_config_none", update, AuthType="NONE", **F)
    story("get_url_config_3", get, **F)


ECHO = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""


@invocation(*(f"{OF}_echo_invoke[{mode}]" for mode in ("RESPONSE_STREAM", "BUFFERED", "None")))
def echoing(story: Invoking) -> None:
    story.function(ECHO)
    mode = {} if story.parameter == "None" else {"InvokeMode": story.parameter}
    url = {"AuthType": "NONE", **mode, **F}
    made = story("create_lambda_url_config", "create_function_url_config", **url)
    story.let_in()
    _, _, body = call(made["FunctionUrl"], "path?q=query", "POST", b"text")
    event = json.loads(body)
    assert (event["rawPath"], event["rawQueryString"]) == ("/path", "q=query")


TOLD = """
import base64, json
def handler(event, context):
    http, body = event["requestContext"]["http"], event.get("body", "")
    kind = event["headers"].get("content-type", "")
    if kind == "application/json":
        text = base64.b64decode(body).decode() if event["isBase64Encoded"] else body
        body = json.loads(text)
    return {
        "args": event.get("queryStringParameters", {}),
        "data": body,
        "domain": event["requestContext"]["domainName"],
        "headers": {n: v for n, v in event["headers"].items() if not (TRIM and n[:2] == "x-")},
        "method": http["method"],
        "origin": http["sourceIp"],
        "path": http["path"],
    }
"""


def told(story: Invoking, path: str, body: bytes, *, trim: bool, **headers: str) -> None:
    story.function(TOLD.replace("TRIM", str(trim)))
    made = story.do("create_function_url_config", AuthType="NONE", **F)
    story.let_in()
    sent = {"accept": "*/*", "accept_encoding": "gzip, deflate", **headers}
    _, _, answer = call(made["FunctionUrl"], path, "POST", body, **sent)
    story.said["url_response"] = spelt(answer)


DATA = b'{"foo": "bar"}'
HEADERS = {
    "content_type": "application/json",
    "user_agent": "test/echo",
    "ExTrA_HeADErs": "With WeiRd CapS",
}


@invocation(f"{OF}_echo_http_fixture_default")
def everything(story: Invoking) -> None:
    path = "pa2%Fth/1?q=query&multiQuery=foo&multiQuery=%2Fbar"
    told(story, path, DATA, trim=False, **HEADERS)
    over_tls = dict.fromkeys(("x-amzn-tls-version", "x-amzn-tls-cipher-suite"), "as it is asked")
    story.said["url_response"]["headers"] |= over_tls


@invocation(f"{OF}_echo_http_fixture_trim_x_headers")
def but_for_those(story: Invoking) -> None:
    told(story, "path/1?q=query", DATA, trim=True, **HEADERS)


@invocation(f"{OF}_form_payload")
def forms(story: Invoking) -> None:
    boundary = "4efd159eae0c4f4e125a5a509e073d85"
    field = 'Content-Disposition: form-data; name="formfield"\r\n\r\nnot a file, just a field'
    file = (
        'Content-Disposition: form-data; name="foo"; filename="foo"\r\n'
        "Content-Type: text/plain;\r\n\r\nbar\r\n"
    )
    body = f"\r\n--{boundary}\r\n{field}\r\n--{boundary}\r\n{file}\r\n--{boundary}--\r\n"
    kind = f"multipart/form-data; boundary={boundary}"
    agent = {"content_type": kind, "user_agent": "python/test-request"}
    told(story, "test/value", body.encode(), trim=True, **agent)


@invocation(f"{OF}_persists_after_alias_delete")
def without_its_alias(story: Invoking) -> None:
    story.function("def handler(event, context): return 'hi'\n", Publish=True)
    story.do("create_alias", Name="live", FunctionVersion="1", **F)
    live = {"Qualifier": "live", **F}
    url = {"AuthType": "NONE", "InvokeMode": "BUFFERED", **live}
    made = story("create_lambda_url_config", "create_function_url_config", **url)
    story.let_in(Qualifier="live")
    status, _, _ = call(made["FunctionUrl"])
    story.said["invoke_aliased_url_response"] = {"status_code": status}
    story("delete_alias_resp", "delete_alias", Name="live", **F)
    status, headers, body = call(made["FunctionUrl"])
    story.said["invoke_deleted_alias_url_response_delayed"] = {
        "status_code": status,
        "headers": {"x-amzn-ErrorType": headers["x-amzn-ErrorType"]},
        "content": json.loads(body),
    }


STREAMING = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("Hello, ");
  stream.write("world!");
  stream.end();
});
"""


@invocation("TestLambdaURL::test_function_url_with_response_streaming")
def streaming(story: Invoking) -> None:
    story.function("", zipped=node(STREAMING), **NODE)
    request = {"AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM", **F}
    made = story.do("create_function_url_config", **request)
    story.let_in()
    status, _, body = call(made["FunctionUrl"])
    story.said |= {"response_status": status, "response_data": body.decode()}
