"""The query and ec2 protocols: forms that SDKs of other years send, malformed ones, errors."""

from __future__ import annotations

from typing import Any

import pytest

from pilvi import protocol
from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest
from pilvi.protocol import Codec

SQS = protocol.codec("sqs", "query")
SNS = protocol.codec("sns")
EC2 = protocol.codec("ec2")


def _parse(codec: Codec, form: str) -> dict[str, Any]:
    request = HttpRequest("POST", "/", "", {}, form.encode())
    match = codec.route(request)
    assert match is not None
    return codec.parse(match, request)


@pytest.mark.parametrize(
    ("form", "params"),
    [
        (
            "Action=CreateQueue&Version=2012-11-05&QueueName=q&Attribute.1.Name=FifoQueue"
            "&Attribute.1.Value=true&Attribute.2.Name=DelaySeconds&Attribute.2.Value=5"
            "&Tag.1.Key=k&Tag.1.Value=v",
            {
                "QueueName": "q",
                "Attributes": {"FifoQueue": "true", "DelaySeconds": "5"},
                "tags": {"k": "v"},
            },
        ),
        (
            "Action=SendMessageBatch&QueueUrl=u&SendMessageBatchRequestEntry.2.Id=b"
            "&SendMessageBatchRequestEntry.2.MessageBody=y&SendMessageBatchRequestEntry.1.Id=a"
            "&SendMessageBatchRequestEntry.1.MessageBody=x+z%26",
            {
                "QueueUrl": "u",
                "Entries": [{"Id": "a", "MessageBody": "x z&"}, {"Id": "b", "MessageBody": "y"}],
            },
        ),
        (
            "Action=SendMessage&QueueUrl=u&MessageBody=m&MessageAttribute.1.Name=n"
            "&MessageAttribute.1.Value.DataType=Binary&MessageAttribute.1.Value.BinaryValue=aGk%3D",
            {
                "QueueUrl": "u",
                "MessageBody": "m",
                "MessageAttributes": {"n": {"DataType": "Binary", "BinaryValue": b"hi"}},
            },
        ),
        (
            "Action=ReceiveMessage&QueueUrl=u&AttributeName.1=All&MessageAttributeName.1=*"
            "&MaxNumberOfMessages=10",
            {
                "QueueUrl": "u",
                "AttributeNames": ["All"],
                "MessageAttributeNames": ["*"],
                "MaxNumberOfMessages": 10,
            },
        ),
    ],
)
def test_sqs_still_reads_its_query_protocol(form: str, params: dict[str, Any]) -> None:
    """botocore no longer ships the names that SQS had there; older SDKs still send them."""
    assert _parse(SQS, form) == params


def test_sqs_still_answers_in_its_query_protocol() -> None:
    message = {"MessageId": "1", "Body": "<b>", "Attributes": {"SenderId": "s"}}
    response = SQS.render("ReceiveMessage", {"Messages": [message]}, "id")
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<ReceiveMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">'
        b"<ReceiveMessageResult><Message><MessageId>1</MessageId><Body>&lt;b&gt;</Body>"
        b"<Attribute><Name>SenderId</Name><Value>s</Value></Attribute></Message>"
        b"</ReceiveMessageResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>"
        b"</ReceiveMessageResponse>"
    )


def test_lists_go_by_number_and_gaps_do_not_matter() -> None:
    form = "Action=PublishBatch&TopicArn=t&PublishBatchRequestEntries.member.10.Id=b"
    form += (
        "&PublishBatchRequestEntries.member.2.Id=a&PublishBatchRequestEntries.member.10.Message="
    )
    assert _parse(SNS, form) == {
        "TopicArn": "t",
        "PublishBatchRequestEntries": [{"Id": "a"}, {"Id": "b", "Message": ""}],
    }


def test_an_empty_list_is_a_list() -> None:
    form = "Action=UntagResource&ResourceArn=r&TagKeys="
    assert _parse(SNS, form) == {"ResourceArn": "r", "TagKeys": []}


def test_an_empty_list_goes_by_its_own_name_where_its_items_do_not() -> None:
    codec = protocol.codec("sdb")
    form = "Action=GetAttributes&DomainName=d&ItemName=i&AttributeName"
    named = {"DomainName": "d", "ItemName": "i"}
    assert _parse(codec, form + "s=") == {**named, "AttributeNames": []}
    assert _parse(codec, form + ".1=a") == {**named, "AttributeNames": ["a"]}


def test_names_of_many_parts_are_refused_before_a_tree_grows() -> None:
    with pytest.raises(AwsError, match="too deeply"):
        _parse(SNS, "Action=Publish&" + "a." * 100 + "=1")


def test_get_requests_and_presigned_ones_are_read_from_the_query_string() -> None:
    query = "Action=ConfirmSubscription&TopicArn=t&Token=x&Version=2010-03-31&X-Amz-Date=d"
    request = HttpRequest("GET", "/", query, {})
    match = SNS.route(request)
    assert match is not None
    assert SNS.parse(match, request) == {"TopicArn": "t", "Token": "x"}


@pytest.mark.parametrize(
    "form",
    [
        "Action=Publish&Message=m&Nonsense=1",
        "Action=Publish&Message=m&MessageAttributes.entry.x.Name=n",
        "Action=Publish&Message=m&MessageAttributes.entry.1.Name=n",
        "Action=Publish&Message.member.1=m",
        "Action=ListSubscriptionsByTopic&TopicArn.x=1",
    ],
)
def test_forms_that_do_not_fit_are_refused(form: str) -> None:
    with pytest.raises(AwsError) as refused:
        _parse(SNS, form)
    assert refused.value.code == "MalformedInput"


def test_unknown_parameters_are_named() -> None:
    with pytest.raises(AwsError, match=r"Tags\.member\.1\.Colour"):
        _parse(SNS, "Action=TagResource&ResourceArn=r&Tags.member.1.Colour=1")


def test_ec2_has_its_own_word_for_unknown_parameters() -> None:
    with pytest.raises(AwsError) as refused:
        _parse(EC2, "Action=DescribeInstances&Nonsense=1")
    assert refused.value.code == "UnknownParameter"
    assert refused.value.text == "The parameter Nonsense is not recognized"
    assert _parse(EC2, "Action=DescribeInstances&InstanceId.1=i&DryRun=true") == {
        "InstanceIds": ["i"],
        "DryRun": True,
    }


def test_unknown_actions_have_no_route() -> None:
    assert SNS.route(HttpRequest("POST", "/", "", {}, b"Action=Fly")) is None
    assert SNS.route(HttpRequest("POST", "/", "", {}, b"")) is None


def test_forms_that_are_not_utf8_are_refused() -> None:
    for body in (b"Action=Publish&Message=%FF", b"Action=\xff", b"a=1&" * 60_000):
        with pytest.raises(AwsError):
            SNS.route(HttpRequest("POST", "/", "", {}, body))


class NotFoundException(AwsError):
    code = "NotFoundException"
    message = "Topic does not exist"


class Overloaded(AwsError):
    code = "Overloaded"
    message = "a & b"
    status = 503


def test_errors_say_whose_they_are_and_take_code_and_status_from_the_model() -> None:
    response = SNS.render_error("Publish", NotFoundException(), "id")
    assert response.status == 404
    assert ("x-amzn-RequestId", "id") in response.headers
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error>'
        b"<Type>Sender</Type><Code>NotFound</Code><Message>Topic does not exist</Message></Error>"
        b"<RequestId>id</RequestId></ErrorResponse>"
    )
    response = SNS.render_error(None, Overloaded(), "id")
    assert isinstance(response.body, bytes)
    assert response.status == 503
    assert b"<Type>Receiver</Type>" in response.body


def test_ec2s_errors_have_their_own_form() -> None:
    assert EC2.render_error(None, Overloaded(), "id").body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>Overloaded</Code>'
        b"<Message>a &amp; b</Message></Error></Errors><RequestID>id</RequestID></Response>"
    )


@pytest.mark.parametrize("text", ["1_0", "\u0661", "0x1", "", "1.5", "one"])
def test_numbers_are_plain_digits(text: str) -> None:
    form = f"Action=ReceiveMessage&QueueUrl=u&MaxNumberOfMessages={text}"
    with pytest.raises(AwsError):
        _parse(SQS, form)


def test_members_that_the_model_does_not_have_are_written_too() -> None:
    response = SNS.render_error("Publish", NotFoundException(members={"Resource": "a<b"}), "id")
    assert isinstance(response.body, bytes)
    assert b"<Resource>a&lt;b</Resource></Error>" in response.body
