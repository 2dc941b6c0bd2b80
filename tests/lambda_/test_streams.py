"""Answers that are streamed: from the runtime piece by piece, through the event stream of InvokeWithResponseStream."""

from __future__ import annotations

import base64
import json
from http.client import IncompleteRead
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, package
from lambda_.test_urls import Answer, ask, make_public

NODE: dict[str, Any] = {"Runtime": "nodejs20.x", "Handler": "index.handler"}
WRITES = package(
    index__js="""
const { pipeline } = require("node:stream/promises");
const { Readable } = require("node:stream");
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  if (event.fail === "before") throw new TypeError("nothing was written");
  stream.setContentType("text/plain");
  stream.write("one ");
  if (event.wait) await new Promise((resolve) => setTimeout(resolve, event.wait));
  if (event.fail === "after") throw new RangeError("half was written");
  if (event.exit) process.exit(3);
  if (event.size) {
    const pieces = function* () { for (let i = 0; i < event.size; i++) yield Buffer.alloc(65536, 120); };
    await pipeline(Readable.from(pieces()), stream);
    return;
  }
  stream.write(context.awsRequestId);
  stream.end();
});
"""
)


def events(functions: Functions, name: str, event: Any, **request: Any) -> tuple[bytes, Any, Any]:
    """What was streamed, how it ended, and the answer before all that."""
    answer = functions.client.invoke_with_response_stream(
        FunctionName=name, Payload=json.dumps(event).encode(), **request
    )
    pieces: list[bytes] = []
    complete = None
    for one in answer["EventStream"]:
        assert complete is None, "InvokeComplete is the last event"
        if "PayloadChunk" in one:
            pieces.append(one["PayloadChunk"]["Payload"])
        else:
            complete = one["InvokeComplete"]
    return b"".join(pieces), complete, answer


@pytest.fixture
def written(functions: Functions) -> Functions:
    functions.create("f", WRITES, **NODE)
    return functions


def test_pieces_come_as_they_are_written(written: Functions) -> None:
    """The first one is here while the function still has a second to go."""
    answer = written.client.invoke_with_response_stream(
        FunctionName="f", Payload=b'{"wait": 1000}', LogType="Tail"
    )
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    first, *others, last = answer["EventStream"]
    assert first == {"PayloadChunk": {"Payload": b"one "}}
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert b"".join(one["PayloadChunk"]["Payload"] for one in others) == request_id.encode()
    assert (
        f"END RequestId: {request_id}"
        in base64.b64decode(last["InvokeComplete"]["LogResult"]).decode()
    )


def test_much_is_streamed_in_little_memory(written: Functions) -> None:
    """More than a buffered answer may have, and more than anybody holds."""
    streamed, complete, _ = events(written, "f", {"size": 160})
    assert len(streamed) == 4 + 160 * 65536
    assert complete == {}


def test_what_fails_after_the_first_piece_is_told_at_the_end(written: Functions) -> None:
    streamed, complete, answer = events(written, "f", {"fail": "after"})
    assert (streamed, answer["StatusCode"]) == (b"one ", 200)
    assert complete["ErrorCode"] == "Unhandled"
    details = json.loads(complete["ErrorDetails"])
    assert (details["errorType"], details["errorMessage"]) == ("RangeError", "half was written")
    streamed, complete, _ = events(written, "f", {"exit": True})
    assert json.loads(complete["ErrorDetails"])["errorType"] == "Runtime.ExitError"
    streamed, complete, _ = events(written, "f", {"fail": "before"})
    assert streamed == b""
    assert json.loads(complete["ErrorDetails"])["errorType"] == "TypeError"


HANGS_UP = package(
    index__js="""
const net = require("node:net");
exports.handler = (event, context) => new Promise(() => {
  const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
  const socket = net.connect({ host, port: Number(port) }, () => {
    const path = `/2018-06-01/runtime/invocation/${context.awsRequestId}/response`;
    const mode = `Lambda-Runtime-Function-Response-Mode: ${event.mode}\\r\\n`;
    const head = `POST ${path} HTTP/1.1\\r\\nHost: x\\r\\n${mode}Transfer-Encoding: chunked\\r\\n\\r\\n`;
    socket.write(`${head}4\\r\\nhalf\\r\\n`);
    if (event.mode !== "streaming") socket.write("0\\r\\n\\r\\n");
  });
  socket.on("data", (data) => { console.log(data.toString()); process.exit(1); });
  if (event.mode === "streaming") setTimeout(() => socket.destroy(), 50);
  setTimeout(() => {}, 60000);
});
"""
)


def test_a_runtime_that_hangs_up_in_the_middle(functions: Functions) -> None:
    """It still runs, and answers nothing more: what came is what there is."""
    functions.create("f", HANGS_UP, Timeout=5, **NODE)
    streamed, complete, _ = events(functions, "f", {"mode": "streaming"})
    assert streamed == b"half"
    assert json.loads(complete["ErrorDetails"])["errorType"] == "Runtime.TruncatedResponse"
    streamed, complete, _ = events(functions, "f", {"mode": "other"}, LogType="Tail")
    assert "InvalidFunctionResponseMode" in base64.b64decode(complete["LogResult"]).decode()


def test_a_reader_that_goes_away_leaves_the_function_running(written: Functions) -> None:
    answer = written.client.invoke_with_response_stream(
        FunctionName="f", Payload=b'{"size": 160}', LogType="Tail"
    )
    next(iter(answer["EventStream"]))
    answer["EventStream"].close()
    assert events(written, "f", {})[0].startswith(b"one ")


def test_a_streaming_function_can_be_waited_for(written: Functions) -> None:
    """Invoke gathers the pieces, and an error behind them is the function's."""
    answer = written.client.invoke(FunctionName="f", Payload=b"{}")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert answer["Payload"].read() == f"one {request_id}".encode()
    answer = written.client.invoke(FunctionName="f", Payload=b'{"fail": "after"}')
    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorMessage"] == "half was written"
    answer = written.client.invoke(FunctionName="f", Payload=b'{"size": 100}')
    assert json.load(answer["Payload"])["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_function_that_answers_at_once_is_one_piece(functions: Functions) -> None:
    functions.create("f", package("def handler(event, context): return event['a']"))
    streamed, complete, answer = events(functions, "f", {"a": [1]})
    assert (streamed, complete, answer["ExecutedVersion"]) == (b"[1]", {}, "$LATEST")
    streamed, complete, _ = events(functions, "f", {})
    assert streamed == b""
    assert complete["ErrorCode"] == "Unhandled"
    assert json.loads(complete["ErrorDetails"])["errorType"] == "KeyError"


def test_what_is_refused_is_refused_before_anything_is_streamed(functions: Functions) -> None:
    functions.create("f", package("def handler(event, context): return event"))
    functions.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as refusal:
        events(functions, "f", {})
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    dry = functions.client.invoke_with_response_stream(FunctionName="f", InvocationType="DryRun")
    assert dry["StatusCode"] == 204
    with pytest.raises(ClientError, match="Function not found"):
        events(functions, "missing", {})


def test_the_old_way_of_sending_an_event(functions: Functions, client: Any, clock: Any) -> None:
    functions.create("f", package("def handler(event, context): print('got', event)"))
    answer = functions.client.invoke_async(FunctionName="f", InvokeArgs=b'{"a": 1}')
    assert answer["Status"] == 202
    clock.wait_until_idle()
    found = client("logs").filter_log_events(logGroupName="/aws/lambda/f", filterPattern="got")
    assert [one["message"] for one in found["events"]] == ["got {'a': 1}\n"]
    with pytest.raises(ClientError, match="InvalidRequestContentException"):
        functions.client.invoke_async(FunctionName="f", InvokeArgs=b"{")


ANSWERS = package(
    index__js="""
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const { prelude, body, type, fail } = JSON.parse(event.body);
  if (fail === "before") throw new Error("nothing yet");
  if (type) stream.setContentType(type);
  if (prelude) stream = awslambda.HttpResponseStream.from(stream, prelude);
  stream.write(body);
  if (fail) throw new Error("in the middle");
  stream.end();
});
"""
)


def test_an_address_that_streams(functions: Functions) -> None:
    """With a prelude the stream is an HTTP response; without one it is a body. What fails in the middle is cut off."""
    functions.create("f", ANSWERS, **NODE)
    make_public(functions)
    url = functions.client.create_function_url_config(
        FunctionName="f", AuthType="NONE", InvokeMode="RESPONSE_STREAM"
    )["FunctionUrl"]

    def answer(**event: Any) -> Answer:
        return ask(url, "POST", json.dumps(event).encode(), content_type="application/json")

    prelude = {"statusCode": 418, "headers": {"X-Tea": "pot"}, "cookies": ["a=1", "b=2"]}
    told = answer(prelude=prelude, body="short and stout")
    assert (told.status, told.body, told.headers["x-tea"]) == (418, b"short and stout", "pot")
    assert told.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert told.headers["transfer-encoding"] == "chunked"
    told = answer(body="plain", type="text/plain")
    assert (told.status, told.body, told.headers["content-type"]) == (200, b"plain", "text/plain")
    assert answer(fail="before", body="").status == 502
    with pytest.raises((IncompleteRead, ConnectionError)):
        answer(fail="after", body="half")


def test_an_address_that_streams_for_a_function_that_does_not(functions: Functions) -> None:
    functions.create("f", package("def handler(event, context): return {'statusCode': 201}"))
    make_public(functions)
    url = functions.client.create_function_url_config(
        FunctionName="f", AuthType="NONE", InvokeMode="RESPONSE_STREAM"
    )["FunctionUrl"]
    assert ask(url).status == 201
