"""The old query protocol: forms in, XML out, at the root and at the queue's own path."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from lxml import etree

from .support import counts, make_queue, send

Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def ask(endpoint: str, account: str) -> Ask:
    """ask(path, Action=...): one signed form; gives the status and the XML without its namespace."""

    def form(path: str, host: str = "", **params: str) -> tuple[int, str]:
        request = AWSRequest(
            "POST",
            endpoint + path,
            data=urlencode({"Version": "2012-11-05", **params}),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        if host:
            request.headers["Host"] = host
        SigV4Auth(Credentials(account, "secret"), "sqs", "us-east-1").add_auth(request)
        plain = urllib.request.Request(
            request.url, data=request.body, headers=dict(request.headers.items())
        )
        try:
            with urllib.request.urlopen(plain) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return form


def texts(xml: str, name: str) -> list[str | None]:
    found = etree.fromstring(xml.encode()).iter("{*}" + name)
    return [element.text for element in found]


def test_a_message_by_forms(ask: Ask, sqs: Any) -> None:
    """Lists are numbered by the names that they had, and the queue is that of the path."""
    _, xml = ask(
        "/",
        Action="CreateQueue",
        QueueName="forms",
        **{
            "Attribute.1.Name": "VisibilityTimeout",
            "Attribute.1.Value": "40",
        },
    )
    (url,) = texts(xml, "QueueUrl")
    path = urlsplit(url).path
    status, xml = ask(
        path,
        Action="SendMessage",
        MessageBody="<&>",
        **{
            "MessageAttribute.1.Name": "colour",
            "MessageAttribute.1.Value.DataType": "String",
            "MessageAttribute.1.Value.StringValue": "red",
        },
    )
    assert status == 200, xml
    assert texts(xml, "MD5OfMessageAttributes") != []
    _, xml = ask(path, Action="GetQueueAttributes", **{"AttributeName.1": "VisibilityTimeout"})
    assert (texts(xml, "Name"), texts(xml, "Value")) == (["VisibilityTimeout"], ["40"])
    _, xml = ask(
        "/",
        Action="ReceiveMessage",
        QueueUrl=url,
        **{"AttributeName.1": "SentTimestamp", "MessageAttributeName.1": "All"},
    )
    assert texts(xml, "Body") == ["<&>"]
    assert texts(xml, "StringValue") == ["red"]
    (handle,) = texts(xml, "ReceiptHandle")
    status, xml = ask(path, Action="DeleteMessage", ReceiptHandle=handle)
    assert (status, texts(xml, "RequestId") != []) == (200, True)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_batch_by_forms(ask: Ask, sqs: Any) -> None:
    url = make_queue(sqs)
    entries = {
        f"SendMessageBatchRequestEntry.{n}.{name}": value
        for n, body in enumerate("ab", 1)
        for name, value in (("Id", body), ("MessageBody", body))
    }
    entries["SendMessageBatchRequestEntry.2.DelaySeconds"] = "901"
    status, xml = ask(urlsplit(url).path, Action="SendMessageBatch", **entries)
    assert status == 200, xml
    assert texts(xml, "Id") == ["a", "b"]
    assert texts(xml, "Code") == ["InvalidParameterValue"]


def test_errors_have_their_old_names(ask: Ask, account: str) -> None:
    status, xml = ask(f"/{account}/nowhere", Action="SendMessage", MessageBody="x")
    assert status == 400
    assert texts(xml, "Code") == ["AWS.SimpleQueueService.NonExistentQueue"]
    assert texts(xml, "Message") == ["The specified queue does not exist for this wsdl version."]
    assert texts(xml, "Type") == ["Sender"]
    assert texts(xml, "Detail") == [None]
    _, xml = ask("/", Action="SendMessage", MessageBody="x")
    assert texts(xml, "Code") == ["MissingParameter"]


def test_json_tells_both_names(sqs: Any, endpoint: str) -> None:
    """The shape in the body, the old code in a header."""
    url = make_queue(sqs)
    send(sqs, url)
    with pytest.raises(sqs.exceptions.ClientError) as caught:
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11)
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidParameterValue"
    assert error["QueryErrorCode"] == "InvalidParameterValueException"
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as caught:
        sqs.receive_message(QueueUrl=f"{url}x")
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"


def test_who_is_gone_takes_no_message(endpoint: str, account: str, sqs: Any) -> None:
    """A long poll whose client has left ends without one."""
    url = make_queue(sqs)
    form = {"Action": "ReceiveMessage", "Version": "2012-11-05", "WaitTimeSeconds": "20"}
    request = AWSRequest(
        "POST",
        endpoint + urlsplit(url).path,
        data=urlencode(form),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    SigV4Auth(Credentials(account, "secret"), "sqs", "us-east-1").add_auth(request)
    data = bytes(request.body)
    lines = [f"POST {urlsplit(url).path} HTTP/1.1", f"Host: {urlsplit(url).netloc}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    lines += [f"Content-Length: {len(data)}", "", ""]
    parts = urlsplit(endpoint)
    for _ in range(3):
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            connection.sendall("\r\n".join(lines).encode() + data)
            counts(sqs, url)  # the poll has begun by now, or will find its client gone
    counts(sqs, url)
    send(sqs, url)
    assert counts(sqs, url) == (1, 0, 0)
