"""The scenarios that were rebuilt from their names and answers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any, cast

from botocore.exceptions import ClientError

from recordings.rebuilt import Rebuilt
from servers import CloudClock

_numbers = itertools.count()


class Story:
    """story("label", "send_message", ...): asks, and keeps the answer under its label."""

    def __init__(self, sqs: Any, account: str, clock: CloudClock) -> None:
        self.sqs = sqs
        self.account = account
        self.clock = clock
        self.said: dict[str, Any] = {}

    def __call__(self, label: str, operation: str, **params: Any) -> Any:
        try:
            answer = getattr(self.sqs, operation)(**params)
        except ClientError as error:
            answer = cast("Any", error.response)
        self.said[label] = answer
        return answer

    def queue(self, *, fifo: bool = False, **attributes: str) -> str:
        name = f"recorded{next(_numbers)}" + (".fifo" if fifo else "")
        if fifo:
            attributes = {"FifoQueue": "true", **attributes}
        return self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def arn(self, url: str) -> str:
        return f"arn:aws:sqs:us-east-1:{self.account}:{url.rpartition('/')[2]}"

    def send(self, url: str, body: str, **more: Any) -> None:
        self.sqs.send_message(QueueUrl=url, MessageBody=body, **more)

    def put(self, url: str, body: str, group: str = "g", id: str = "") -> None:
        id = id or str(next(_numbers))
        self.send(url, body, MessageGroupId=group, MessageDeduplicationId=id)

    def set(self, url: str, **attributes: str) -> None:
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)

    def hide(self, url: str, message: Any, seconds: int) -> None:
        handle = message["ReceiptHandle"]
        self.sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds
        )


Scenario = Callable[[Story], None]
SCENARIOS: Rebuilt[Scenario] = Rebuilt()
scenario = SCENARIOS.named


@scenario("test_send_receive_max_number_of_messages[sqs]")
def _(s: Story) -> None:
    s("send_max_number_of_messages", "receive_message", QueueUrl=s.queue(), MaxNumberOfMessages=11)


@scenario("test_send_oversized_message[sqs]")
def _(s: Story) -> None:
    s("send_oversized_message", "send_message", QueueUrl=s.queue(), MessageBody="a" * 1048577)


@scenario("test_send_message_with_updated_maximum_message_size[sqs]")
def _(s: Story) -> None:
    url = s.queue()
    s.set(url, MaximumMessageSize="1024")
    s("send_oversized_message", "send_message", QueueUrl=url, MessageBody="a" * 1025)


@scenario("test_send_message_batch_with_oversized_contents[sqs]")
def _(s: Story) -> None:
    entries = [{"Id": "1", "MessageBody": "a" * 1048576}, {"Id": "2", "MessageBody": "a"}]
    s("send_oversized_message_batch", "send_message_batch", QueueUrl=s.queue(), Entries=entries)


@scenario("test_tag_untag_queue[sqs]")
def _(s: Story) -> None:
    q = {"QueueUrl": s.queue()}
    s.sqs.tag_queue(**q, Tags={"tag1": "value1", "tag2": "value2", "tag3": ""})
    s("get-tag-1", "list_queue_tags", **q)
    s.sqs.untag_queue(**q, TagKeys=["tag1", "tag3"])
    s("get-tag-2", "list_queue_tags", **q)
    s.sqs.untag_queue(**q, TagKeys=["tag2"])
    s("get-tag-after-untag", "list_queue_tags", **q)


@scenario("test_create_fifo_queue_with_different_attributes_raises_error[sqs]")
def _(s: Story) -> None:
    name = s.queue(fifo=True, ContentBasedDeduplication="true").rpartition("/")[2]
    other = {"FifoQueue": "true", "ContentBasedDeduplication": "false"}
    s("queue-already-exists", "create_queue", QueueName=name, Attributes=other)


@scenario("test_create_queue_with_different_attributes_raises_exception[sqs]")
def _(s: Story) -> None:
    url = s.queue(DelaySeconds="1")
    name = url.rpartition("/")[2]
    s("create_queue_01", "create_queue", QueueName=name, Attributes={"DelaySeconds": "2"})
    s.set(url, DelaySeconds="2")
    s("create_queue_02", "create_queue", QueueName=name, Attributes={"DelaySeconds": "1"})


@scenario("test_create_and_update_queue_attributes[sqs]")
def _(s: Story) -> None:
    url = s.queue(
        MessageRetentionPeriod="604800", ReceiveMessageWaitTimeSeconds="10", VisibilityTimeout="20"
    )
    q = {"QueueUrl": url, "AttributeNames": ["All"]}
    s("get_queue_attributes", "get_queue_attributes", **q)
    s.set(url, MaximumMessageSize="2048", VisibilityTimeout="69", DelaySeconds="420")
    s("get_updated_queue_attributes", "get_queue_attributes", **q)


@scenario("test_change_message_visibility_after_visibility_timeout_expiration[sqs]")
def _(s: Story) -> None:
    url = s.queue(VisibilityTimeout="1")
    s.send(url, "foobar")
    (message,) = s.sqs.receive_message(QueueUrl=url)["Messages"]
    s.clock.advance(seconds=2)
    q = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    s("visibility_timeout_expired", "change_message_visibility", **q, VisibilityTimeout=2)


@scenario("test_fifo_empty_message_groups_added_back_to_queue[sqs]")
def _(s: Story) -> None:
    url = s.queue(fifo=True)
    s.put(url, "Message 1")
    (message,) = s("inital-fifo-receive", "receive_message", QueueUrl=url)["Messages"]
    s.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    s("empty-fifo-receive", "receive_message", QueueUrl=url)
    s.put(url, "Message 2")
    s("final-fifo-receive", "receive_message", QueueUrl=url)


@scenario("test_fifo_queue_send_message_with_delay_seconds_fails[sqs]")
def _(s: Story) -> None:
    more = {"MessageGroupId": "g", "MessageDeduplicationId": "1", "DelaySeconds": 2}
    url = s.queue(fifo=True)
    s("send_message", "send_message", QueueUrl=url, MessageBody="message-1", **more)


@scenario("test_fifo_message_attributes[sqs]")
def _(s: Story) -> None:
    url = s.queue(fifo=True, VisibilityTimeout="0")
    more = {"MessageGroupId": "group-1", "MessageDeduplicationId": "dedup-1"}
    s("send_message", "send_message", QueueUrl=url, MessageBody="message-body-1", **more)
    for number in range(2):
        label = f"receive_message_{number}"
        s(label, "receive_message", QueueUrl=url, AttributeNames=["All"])


@scenario("test_fifo_set_content_based_deduplication_strategy[sqs]")
def _(s: Story) -> None:
    url = s.queue(fifo=True, ContentBasedDeduplication="true")
    q = {"QueueUrl": url, "AttributeNames": ["All"]}
    s("before-update", "get_queue_attributes", **q)
    s.set(url, ContentBasedDeduplication="false")
    s("after-update", "get_queue_attributes", **q)


def _twenty(**more: Any) -> list[dict[str, Any]]:
    return [{"Id": f"message{number}", **more} for number in range(20)]


@scenario("test_too_many_entries_in_batch_request[sqs]")
def _(s: Story) -> None:
    entries = _twenty(MessageBody="x")
    label = "test_too_many_entries_in_batch_request"
    s(label, "send_message_batch", QueueUrl=s.queue(), Entries=entries)


@scenario("test_delete_message_batch_with_too_large_batch[sqs]")
def _(s: Story) -> None:
    entries = _twenty(ReceiptHandle="h")
    s("error_response", "delete_message_batch", QueueUrl=s.queue(), Entries=entries)


@scenario("test_change_message_visibility_batch_with_too_large_batch[sqs]")
def _(s: Story) -> None:
    entries = _twenty(ReceiptHandle="h", VisibilityTimeout=0)
    s("error_response", "change_message_visibility_batch", QueueUrl=s.queue(), Entries=entries)


@scenario("test_invalid_batch_id[sqs]")
def _(s: Story) -> None:
    entries = [{"Id": "message:(invalid)", "MessageBody": "x"}]
    s("test_invalid_batch_id", "send_message_batch", QueueUrl=s.queue(), Entries=entries)


def _bad_id(id: str) -> Scenario:
    def told(s: Story) -> None:
        entries = [{"Id": id, "ReceiptHandle": "h"}]
        s("error_response", "delete_message_batch", QueueUrl=s.queue(), Entries=entries)

    return told


for _id in ("", "testLongId" * 10, "invalid:id"):
    scenario(f"test_delete_message_batch_invalid_msg_id[sqs-{_id}]")(_bad_id(_id))


@scenario("test_send_batch_missing_deduplication_id_for_fifo_queue[sqs]")
def _(s: Story) -> None:
    entries = [{"Id": "1", "MessageBody": "x", "MessageGroupId": "g"}]
    label = "test_missing_deduplication_id_for_fifo_queue"
    s(label, "send_message_batch", QueueUrl=s.queue(fifo=True), Entries=entries)


@scenario("test_send_batch_missing_message_group_id_for_fifo_queue[sqs]")
def _(s: Story) -> None:
    entries = [{"Id": "1", "MessageBody": "x", "MessageDeduplicationId": "d"}]
    label = "test_missing_message_group_id_for_fifo_queue"
    s(label, "send_message_batch", QueueUrl=s.queue(fifo=True), Entries=entries)


@scenario("test_send_batch_message_size")
def _(s: Story) -> None:
    url = s.queue(MaximumMessageSize="1024")
    entries = [{"Id": "a", "MessageBody": "a" * 1025}, {"Id": "b", "MessageBody": "a" * 1024}]
    s("send-message-batch-result", "send_message_batch", QueueUrl=url, Entries=entries)


@scenario("test_send_message_with_binary_attributes[sqs]")
def _(s: Story) -> None:
    url = s.queue()
    value = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"
    attributes = {"attr1": {"BinaryValue": value, "DataType": "Binary"}}
    s.send(url, "test", MessageAttributes=attributes)
    answer = s("binary-attrs-msg", "receive_message", QueueUrl=url, MessageAttributeNames=["All"])
    told = answer["Messages"][0]["MessageAttributes"]["attr1"]
    told["BinaryValue"] = str(told["BinaryValue"])


@scenario("test_send_message_with_empty_string_attribute[sqs]")
def _(s: Story) -> None:
    attributes = {"ErrorDetails": {"StringValue": "", "DataType": "String"}}
    more = {"MessageBody": "test", "MessageAttributes": attributes}
    s("empty-string-attr", "send_message", QueueUrl=s.queue(), **more)


@scenario("test_dead_letter_queue_message_attributes")
def _(s: Story) -> None:
    dead = s.queue()
    policy = {"deadLetterTargetArn": s.arn(dead), "maxReceiveCount": 1}
    url = s.queue(VisibilityTimeout="0", RedrivePolicy=json.dumps(policy))
    s.said["dlq-arn"], s.said["sourcen-arn"] = s.arn(dead), s.arn(url)
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    s.send(
        url,
        "message-1",
        MessageAttributes={"MyAttribute": {"StringValue": "foobar", "DataType": "String"}},
        MessageSystemAttributes={"AWSTraceHeader": {"StringValue": trace, "DataType": "String"}},
    )
    s.send(url, "message-2")
    names = [
        *("ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SentTimestamp"),
        *("AWSTraceHeader", "DeadLetterQueueSourceArn"),
    ]
    asked = {
        "AttributeNames": names,
        "MessageAttributeNames": ["All"],
        "MaxNumberOfMessages": 10,
    }
    s.said["rec-pre-dlq"] = s.sqs.receive_message(QueueUrl=url, **asked)["Messages"]
    s.sqs.receive_message(QueueUrl=url, **asked)
    s.said["dlq-messages"] = s.sqs.receive_message(QueueUrl=dead, **asked)["Messages"]


@scenario("test_set_unsupported_attribute_fifo[sqs]")
def _(s: Story) -> None:
    set_to = "set_queue_attributes"
    s("invalid-attr-name-1", set_to, QueueUrl=s.queue(), Attributes={"FifoQueue": "true"})
    url = s.queue(fifo=True)
    s("invalid-attr-name-2", set_to, QueueUrl=url, Attributes={"FifoQueue": "false"})


@scenario("test_posting_to_fifo_requires_deduplicationid_group_id[sqs]")
def _(s: Story) -> None:
    q = {"QueueUrl": s.queue(fifo=True), "MessageBody": "test"}
    s("invalid-parameter-value", "send_message", **q, MessageGroupId="test")
    s("missing-parameter", "send_message", **q, MessageDeduplicationId="test")


@scenario("test_successive_purge_calls_fail[sqs]")
def _(s: Story) -> None:
    q = {"QueueUrl": s.queue()}
    s.sqs.purge_queue(**q)
    s("purge_queue_error", "purge_queue", **q)


@scenario("test_sqs_fifo_same_dedup_id_different_message_groups[sqs]")
def _(s: Story) -> None:
    _two_groups(s, s.queue(fifo=True))


@scenario("test_sqs_fifo_message_group_scope_no_throughput_setting[sqs]")
def _(s: Story) -> None:
    _two_groups(s, s.queue(fifo=True, DeduplicationScope="messageGroup"))


def _two_groups(s: Story, url: str) -> None:
    for group in "12":
        s.put(url, "Test", group, id="1")
    for group in "12":
        s(f"same-dedup-different-grp-{group}", "receive_message", QueueUrl=url)


@scenario("test_fifo_high_throughput_ordering[sqs]")
def _(s: Story) -> None:
    more = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    url = s.queue(fifo=True, **more)
    for number in "12":
        s.put(url, f"Test{number}", number)
    for number in "12":
        s(f"same-dedup-different-grp-{number}", "receive_message", QueueUrl=url)


@scenario("test_fifo_change_to_high_throughput_after_creation[sqs]")
def _(s: Story) -> None:
    url = s.queue(fifo=True)
    s.put(url, "Test1", "1", id="1")
    (message,) = s("same-dedup-different-grp-1", "receive_message", QueueUrl=url)["Messages"]
    s.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    s.put(url, "Test2", "2", id="1")
    s("same-dedup-different-grp-2", "receive_message", QueueUrl=url)
    s.set(url, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    s("set-to-high-throughput", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
    s.put(url, "Test3", "1", id="1")
    s("same-dedup-different-grp-high-throughput", "receive_message", QueueUrl=url)
    s.put(url, "Test3", "2", id="1")
    s("same-dedup-different-grp-high-throughput-2", "receive_message", QueueUrl=url)
    s.put(url, "Test4", "2", id="2")
    s("new-dedup2-high-throughput", "receive_message", QueueUrl=url)
    s.put(url, "Test4", "2", id="2")
    s("same-dedup2-high-throughput", "receive_message", QueueUrl=url)


@scenario("test_create_standard_queue_with_fifo_attribute_raises_error[sqs]")
def _(s: Story) -> None:
    for label, attributes in {
        "fifo-queue": {"FifoQueue": "false"},
        "content-based-deduplication": {"ContentBasedDeduplication": "false"},
        "deduplication-scope": {"DeduplicationScope": "queue"},
        "throughput-limit": {"FifoThroughputLimit": "perQueue"},
    }.items():
        s(f"invalid-attribute-{label}", "create_queue", QueueName="q", Attributes=attributes)


@scenario("test_send_receive_wait_time_seconds[sqs]")
def _(s: Story) -> None:
    q = {"QueueUrl": s.queue()}
    s("recieve_message_error_too_large", "receive_message", **q, WaitTimeSeconds=21)
    s("recieve_message_error_too_small", "receive_message", **q, WaitTimeSeconds=-1)
    waits = {"empty_short_poll_by_default": {}, "empty_short_poll_explicit": {"WaitTimeSeconds": 0}}
    waits["empty_long_poll"] = {"WaitTimeSeconds": 1}
    for label, wait in waits.items():
        s.send(q["QueueUrl"], "message")
        s(f"{label}_resp", "receive_message", **q, **wait)


@scenario("test_send_empty_message[sqs]")
def _(s: Story) -> None:
    s("send_empty_message", "send_message", QueueUrl=s.queue(), MessageBody="")


@scenario("test_message_system_attribute_names_with_attribute_names[sqs]")
def _(s: Story) -> None:
    url = s.queue(VisibilityTimeout="0")
    s.send(url, "msg")
    for label, names in {"same_values": ["All"], "different_values": ["SenderId"]}.items():
        asked = {"MessageSystemAttributeNames": ["All"], "AttributeNames": names}
        s(label, "receive_message", QueueUrl=url, **asked)


@scenario("test_fifo_delete_after_visibility_timeout[sqs]")
def _(s: Story) -> None:
    url = s.queue(fifo=True, VisibilityTimeout="1")
    s.put(url, "foobar")
    (message,) = s("received_sqs_message", "receive_message", QueueUrl=url)["Messages"]
    s.clock.advance(seconds=1)
    handle = message["ReceiptHandle"]
    s("delete_after_timeout_fifo", "delete_message", QueueUrl=url, ReceiptHandle=handle)


@scenario("test_fifo_delete_after_visibility_timeout_extended[sqs]")
def _(s: Story) -> None:
    url = s.queue(fifo=True, VisibilityTimeout="1")
    s.put(url, "foobar")
    (message,) = s("received_sqs_message", "receive_message", QueueUrl=url)["Messages"]
    s.hide(url, message, 10)
    s.clock.advance(seconds=2)
    handle = message["ReceiptHandle"]
    s.sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    s("delete_after_timeout_fifo_extended", "receive_message", QueueUrl=url)


@scenario("test_delete_after_visibility_timeout[sqs]")
def _(s: Story) -> None:
    url = s.queue(VisibilityTimeout="1")
    s.send(url, "foobar")
    (message,) = s.sqs.receive_message(QueueUrl=url)["Messages"]
    s.clock.advance(seconds=1)
    s.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    s("delete_after_timeout_queue_empty", "receive_message", QueueUrl=url)


@scenario("test_fair_queue_with_message_group_id[sqs]")
def _(s: Story) -> None:
    url = s.queue()
    s("send_message", "send_message", QueueUrl=url, MessageBody="message", MessageGroupId="test")
    label = "get-message-with-deduplication-id"
    s(label, "receive_message", QueueUrl=url, AttributeNames=["All"])


def _named_badly(member: str, value: str) -> Scenario:
    def told(s: Story) -> None:
        fifo = member == "MessageDeduplicationId"
        more = {"MessageGroupId": "g", member: value}
        asked = {"QueueUrl": s.queue(fifo=fifo), "MessageBody": "x", **more}
        s("error-response", "send_message", **asked)

    return told


for _kind, _value in {"empty": "", "too_long": "a" * 129, "spaces": "group 123"}.items():
    scenario(f"test_send_message_to_standard_queue_with_invalid_message_group_id[{_kind}]")(
        _named_badly("MessageGroupId", _value)
    )
    scenario(f"test_message_deduplication_id_invalid[{_kind}]")(
        _named_badly("MessageDeduplicationId", _value)
    )


@scenario("test_fifo_queue_send_message_with_zero_delay_defaults_to_queue_delay[sqs]")
def _(s: Story) -> None:
    url = s.queue(fifo=True, DelaySeconds="2")
    more = {"MessageGroupId": "g", "MessageDeduplicationId": "1", "DelaySeconds": 0}
    s("send_message_result", "send_message", QueueUrl=url, MessageBody="message-1", **more)
    s("receive_message_initial_result", "receive_message", QueueUrl=url)
    s.clock.advance(seconds=2)
    s("receive_message_after_delay_result", "receive_message", QueueUrl=url)


def _given_back(count: int) -> Scenario:
    """The first so many are visible again."""

    def told(s: Story) -> None:
        url = s.queue(fifo=True)
        for body in ("foo", "bar", "baz"):
            s.put(url, body)
        asked = {"QueueUrl": url, "MaxNumberOfMessages": 10}
        got = s("receive_all_messages", "receive_message", **asked)["Messages"]
        for message in got[:count]:
            s.hide(url, message, 0)
        s("some-messages-invisible", "receive_message", **asked)

    return told


for _count in range(3):
    scenario(
        f"test_fifo_group_visibility_extends_with_change_message_visibility[sqs-{_count}-visible]"
    )(_given_back(_count))


@scenario("test_set_queue_attributes_default_values[sqs]")
def _(s: Story) -> None:
    url = s.queue()
    q = {"QueueUrl": url, "AttributeNames": ["All"]}
    s("get-queue-attributes-initial-values", "get_queue_attributes", **q)
    s.set(url, KmsMasterKeyId="testKeyId", KmsDataKeyReusePeriodSeconds="6000")
    s("get-queue-attributes-after-update", "get_queue_attributes", **q)
    s.set(url, KmsMasterKeyId="", KmsDataKeyReusePeriodSeconds="")
    s("get-queue-attributes-after-set-to-defaults", "get_queue_attributes", **q)


@scenario("test_sse_queue_attributes[sqs]")
def _(s: Story) -> None:
    url = s.queue()
    names = ["KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"]
    q = {"QueueUrl": url, "AttributeNames": names}
    s.set(url, KmsMasterKeyId="testKeyId", KmsDataKeyReusePeriodSeconds="6000")
    s("sse_kms_attributes", "get_queue_attributes", **q)
    s.set(url, SqsManagedSseEnabled="true")
    s("sse_sqs_attributes", "get_queue_attributes", **q)


def _dead(s: Story) -> tuple[str, str]:
    dead = s.queue()
    policy = {"deadLetterTargetArn": s.arn(dead), "maxReceiveCount": 1}
    return s.queue(VisibilityTimeout="0", RedrivePolicy=json.dumps(policy)), dead


@scenario("test_basic_move_task_workflow")
def _(s: Story) -> None:
    url, dead = _dead(s)
    target = s.queue()
    for body in ("1", "2"):
        s.send(url, body)
    for _ in range(2):
        s.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    source = {"SourceArn": s.arn(dead)}
    label = "start-message-move-task-response"
    s(label, "start_message_move_task", **source, DestinationArn=s.arn(target))
    s.clock.wait_until_idle()
    s("list-message-move-task-response", "list_message_move_tasks", **source)


@scenario("test_source_needs_redrive_policy")
def _(s: Story) -> None:
    asked = {"SourceArn": s.arn(s.queue()), "DestinationArn": s.arn(s.queue())}
    s("error", "start_message_move_task", **asked)


@scenario("test_destination_needs_to_exist")
def _(s: Story) -> None:
    _, dead = _dead(s)
    asked = {"SourceArn": s.arn(dead), "DestinationArn": s.arn("nowhere")}
    s("error", "start_message_move_task", **asked)


@scenario("test_start_multiple_move_tasks")
def _(s: Story) -> None:
    _, dead = _dead(s)
    s.send(dead, "x")
    s.send(dead, "y")
    asked = {
        "SourceArn": s.arn(dead),
        "DestinationArn": s.arn(s.queue()),
        "MaxNumberOfMessagesPerSecond": 1,
    }
    s.sqs.start_message_move_task(**asked)
    s("error", "start_message_move_task", **asked)


@scenario("test_cancel_with_invalid_task_handle")
def _(s: Story) -> None:
    s("error", "cancel_message_move_task", TaskHandle="foobared")
