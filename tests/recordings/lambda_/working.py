"""Scenarios of Lambda at work: what functions are told, what they answer, and who hears of how it ended.

All scenarios share an account and a function, since it would take too long to start one for each. The name of a queue
or a table says what the function is to do with what comes from there; it tells of it in a queue of its own.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any, cast

from lambda_.support import package
from recordings.lambda_.story import Story
from recordings.rebuilt import Rebuilt
from servers import CloudClock

Scenario = Callable[["Working"], None]
SCENARIOS: Rebuilt[Scenario] = Rebuilt()
scenario = SCENARIOS.named
"""Which scenarios were rebuilt, by name."""

SAYS: dict[str, Any] = {
    "nothing": None,
    "list": [],
    "dict": {},
    "no-failures": {"batchItemFailures": []},
    "null-failures": {"batchItemFailures": None},
    "not-valid": {"batchItemFailures": [{"foo": "notvalid"}]},
    "empty-name": {"batchItemFailures": [{"itemIdentifier": ""}]},
    "null-name": {"batchItemFailures": [{"itemIdentifier": None}]},
    "other-name": {"batchItemFailures": [{"itemIdentifier": "not_present"}]},
    "foo": {"batchItemFailures": [{"foo": "bar"}]},
    "null-foo": {"batchItemFailures": [{"foo": None}]},
}

_HANDLER = f"""
import hashlib, hmac, http.client, json, os, time
SAYS = json.loads({json.dumps(json.dumps(SAYS))!s})

def send(url, what):
    # Signed by hand: a client takes longer to load than all that is tried here.
    body = json.dumps({{"QueueUrl": url, "MessageBody": json.dumps(what)}}).encode()
    host = os.environ["AWS_ENDPOINT_URL"].partition("//")[2]
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    signed = {{"host": host, "x-amz-date": moment, "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"]}}
    names, scope = ";".join(signed), moment[:8] + "/us-east-1/sqs/aws4_request"
    lines = ["POST", "/", "", *(name + ":" + told for name, told in signed.items())]
    asked = "\\n".join([*lines, "", names, hashlib.sha256(body).hexdigest()])
    digest = hashlib.sha256(asked.encode()).hexdigest()
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in (*scope.split("/"), "\\n".join(["AWS4-HMAC-SHA256", moment, scope, digest])):
        key = hmac.new(key, part.encode(), "sha256").digest()
    who = "Credential=" + os.environ["AWS_ACCESS_KEY_ID"] + "/" + scope
    signature = "AWS4-HMAC-SHA256 " + who + ",SignedHeaders=" + names + ",Signature=" + key.hex()
    headers = {{**signed, "authorization": signature, "content-type": "application/x-amz-json-1.0"}}
    server = http.client.HTTPConnection(host)
    server.request("POST", "/", body, {{**headers, "x-amz-target": "AmazonSQS.SendMessage"}})
    answer = server.getresponse()
    assert answer.status == 200, answer.read()
    server.close()

def handler(event, context):
    records = event["Records"]
    source = records[0]["eventSourceARN"].split(":")[5]
    name = source.split("/")[1] if "/" in source else source.removesuffix(".fifo")
    url = os.environ["TOLD"] + name

    def tell(what):
        send(url, what)

    kind, _, more = name.partition("_")
    if kind == "versions":
        said = {{"function_version": context.function_version, "CUSTOM_VAR": os.environ["CUSTOM_VAR"]}}
        tell({{**said, "event": event}})
    elif kind == "attempts":
        wanted = json.loads(records[0]["body"])
        fails = int(records[0]["attributes"]["ApproximateReceiveCount"]) <= wanted["fail_attempts"]
        error = "failed attempt" if fails else None
        send(wanted["destination"], {{"error": error, "event": event}})
        if fails:
            raise Exception(error)
    elif kind == "items":
        failed = []
        for record in records:
            wanted = json.loads(record["body"])
            if int(record["attributes"]["ApproximateReceiveCount"]) <= wanted["fail_attempts"]:
                failed.append({{"itemIdentifier": record["messageId"]}})
        result = {{"batchItemFailures": failed}}
        tell({{"event": event, "result": result}})
        return result
    elif kind == "changes":
        tell(event)
        return {{
            "batchItemFailures": [
                {{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}}
                for record in records
                if record["dynamodb"]["NewImage"]["should_fail"]["BOOL"]
            ]
        }}
    elif kind == "says":
        result = SAYS[more.partition("_")[0]]
        tell({{"event": event, "result": result}})
        return result
    else:
        tell(event)
        if kind == "fails":
            raise Exception("as it was told")
"""
ZIP = package(handler__py=_HANDLER)
MEMORY_MB = 1769
"""With which a function has a whole processor to begin."""
_numbers = itertools.count(1)


class Working(Story):
    function = "work"

    def __init__(
        self,
        make: Callable[..., Any],
        account: str,
        name: str,
        recorded: dict[str, Any],
        clock: CloudClock,
    ) -> None:
        super().__init__(make, account, name, recorded)
        self.clock = clock
        self.sqs = make("sqs")
        self.source = ""
        """The name of the queue or table that the scenario is about."""
        self.mappings: list[str] = []

    # --- queues

    def named(self, kind: str) -> str:
        """A name of its own for what this scenario is about, and a queue where the function tells of it."""
        self.source = f"{kind}_{next(_numbers)}"
        self.queue("told_" + self.source)
        return self.source

    def queue(self, name: str, **attributes: Any) -> str:
        given = {key: str(value) for key, value in attributes.items()}
        return self.sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]

    def queue_arn(self, name: str) -> str:
        return f"arn:aws:sqs:us-east-1:{self.account}:{name}"

    def url(self, name: str) -> str:
        return self.sqs.get_queue_url(QueueName=name)["QueueUrl"]

    def dead_letters(self, tries: int, *, ending: str = "") -> dict[str, str]:
        """Attributes of a source with a new dead-letter queue; its name ends the same."""
        name = f"dead_{self.source}{ending}"
        self.queue(name, **({"FifoQueue": "true"} if ending else {}))
        policy = {"deadLetterTargetArn": self.queue_arn(name), "maxReceiveCount": tries}
        return {"RedrivePolicy": json.dumps(policy)}

    # --- functions

    def variables(self, name: str, **variables: str) -> None:
        """A function that works like the shared one, with these variables as well."""
        told = self.url("told_" + self.source).removesuffix(self.source)
        given = {"Variables": {"TOLD": told, **variables}}
        answer = self.ask("get_function", FunctionName=name)
        if "Error" in answer:
            how: dict[str, Any] = {"Environment": given, "MemorySize": MEMORY_MB}
            self.create(None, name, Code={"ZipFile": ZIP}, **how)
        else:
            request = {"FunctionName": name, "Environment": given}
            self.do("update_function_configuration", **request)

    # --- mappings

    def map(self, label: str | None, source_arn: str, **request: Any) -> str:
        """A mapping that polls; its UUID."""
        request = {"FunctionName": self.function, "EventSourceArn": source_arn, **request}
        made = self.do("create_event_source_mapping", **request)
        if label is not None:
            self.said[label] = made
        self.mappings.append(made["UUID"])
        self.until(made["UUID"], "Enabled")
        return made["UUID"]

    def until(self, uuid: str, state: str, label: str | None = None) -> None:
        for _ in range(1000):
            found = self.do("get_event_source_mapping", UUID=uuid)
            if found["State"] == state:
                break
            self.clock.wait_until_idle()
        else:
            raise AssertionError(found)
        if label is not None:
            self.said[label] = found

    # --- what is told

    def received(
        self, url: str, *, count: int = 1, step_s: float = 1, **request: Any
    ) -> list[dict[str, Any]]:
        """The next so many messages, in order; meanwhile time passes by steps."""
        found: list[dict[str, Any]] = []
        for _ in range(200):
            self.clock.wait_until_idle()
            answer = self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=min(count - len(found), 10), **request
            )
            for message in cast("list[dict[str, Any]]", answer.get("Messages", [])):
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message)
            if len(found) == count:
                return found
            self.clock.advance(seconds=step_s)
        raise AssertionError(f"{len(found)} of {count}: {found}")

    def message(self, label: str, name: str, *, step_s: float = 1, **request: Any) -> None:
        """One message, told as ReceiveMessage answers."""
        answer = {"ResponseMetadata": {"HTTPStatusCode": 200}}
        self.said[label] = {
            "Messages": self.received(self.url(name), step_s=step_s, **request),
            **answer,
        }

    def told(self, count: int, *, step_s: float = 1) -> list[Any]:
        """What the function told of the source so many times."""
        url = self.url("told_" + self.source)
        return [json.loads(one["Body"]) for one in self.received(url, count=count, step_s=step_s)]

    def nothing_more(self) -> None:
        self.clock.wait_until_idle()
        self.clock.advance(seconds=2)
        self.clock.wait_until_idle()
        found = self.sqs.receive_message(QueueUrl=self.url("told_" + self.source))
        assert "Messages" not in found, found


def opened(value: Any) -> Any:
    """With texts that spell JSON read, since some were recorded as what they say."""
    if isinstance(value, dict):
        return {key: opened(one) for key, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [opened(one) for one in cast("list[Any]", value)]
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return opened(json.loads(value))
        except json.JSONDecodeError:
            return value
    return value
