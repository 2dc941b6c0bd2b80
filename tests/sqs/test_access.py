"""Who may use a queue: users of the account, other accounts, services that deliver to it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from persons import Person, allow, deny, document
from servers import CloudClock, Server

from .support import arn_of, attributes_of, bodies, make_queue, receive, refused, send

Client = Callable[..., Any]


def let(sqs: Any, url: str, *statements: dict[str, Any]) -> None:
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(*statements)})


def test_users_need_to_be_allowed(client: Client, account: str, sqs: Any) -> None:
    """SQS says AccessDenied, and its actions in lower case; a batch needs what each entry needs."""
    url = make_queue(sqs)
    arn = arn_of(sqs, url)
    ann = Person(client, account)
    hers = ann.client("sqs")
    code, text, _ = refused(hers.send_message, QueueUrl=url, MessageBody="x")
    assert code == "AccessDenied"
    assert text == (
        f"User: {ann.arn} is not authorized to perform: sqs:sendmessage on resource: {arn}"
        " because no identity-based policy allows the sqs:sendmessage action"
    )
    ann.may(allow("sqs:SendMessage", arn))
    entries = [{"Id": "a", "MessageBody": "x"}]
    assert hers.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]
    assert refused(hers.receive_message, QueueUrl=url)[0] == "AccessDenied"
    let(sqs, url, deny("sqs:SendMessage", arn, Principal="*"))
    assert "explicit deny" in refused(hers.send_message, QueueUrl=url, MessageBody="x")[1]


@pytest.mark.parametrize(
    ("statements", "text"),
    [
        ([allow([f"sqs:A{n}" for n in range(8)], Principal="*")], "8 Actions"),
        ([allow("sqs:*", Principal={"AWS": ["*"] * 51})], "51 Principals"),
        ([allow("sqs:*", Principal="*")] * 21, "21 Statements"),
    ],
)
def test_a_policy_has_quotas(sqs: Any, statements: list[dict[str, Any]], text: str) -> None:
    """AWS: Developer Guide, "Amazon SQS policy quotas"."""
    url = make_queue(sqs)
    with pytest.raises(ClientError, match=f"{text} were found, maximum allowed is") as caught:
        let(sqs, url, *statements)
    assert caught.value.response["Error"]["Code"] == "OverLimit"


def test_a_policy_opens_a_queue_to_another_account(client: Client, sqs: Any) -> None:
    """For what it names; what is the owner's alone stays so."""
    url = make_queue(sqs)
    other = client("sqs", account="000000777777")
    assert refused(other.send_message, QueueUrl=url, MessageBody="x")[0] == "AccessDenied"
    sqs.add_permission(
        QueueUrl=url,
        Label="a",
        AWSAccountIds=["000000777777"],
        Actions=["SendMessage", "GetQueueUrl"],
    )
    send(other, url)
    account, name = url.split("/")[-2:]
    asked = {"QueueName": name, "QueueOwnerAWSAccountId": account}
    assert other.get_queue_url(**asked)["QueueUrl"] == url
    assert refused(other.receive_message, QueueUrl=url)[0] == "AccessDenied"
    let(sqs, url, allow("sqs:*", Principal={"AWS": "000000777777"}))
    assert len(receive(other, url)) == 1
    assert "Policy" not in attributes_of(other, url)
    assert "Policy" in attributes_of(sqs, url)
    assert refused(other.delete_queue, QueueUrl=url)[0] == "AccessDenied"


def test_tags_and_conditions_decide(client: Client, account: str, sqs: Any) -> None:
    url = make_queue(sqs)
    sqs.tag_queue(QueueUrl=url, Tags={"team": "red"})
    ann = Person(client, account)
    hers = ann.client("sqs")
    ann.may(allow("sqs:*", Condition={"StringEquals": {"aws:ResourceTag/team": "blue"}}))
    assert refused(hers.send_message, QueueUrl=url, MessageBody="x")[0] == "AccessDenied"
    ann.may(allow("sqs:*", Condition={"StringEquals": {"aws:ResourceTag/team": "red"}}))
    send(hers, url)
    ann.may(allow("sqs:CreateQueue"))
    assert refused(hers.create_queue, QueueName="t", tags={"a": "b"})[0] == "AccessDenied"
    hers.create_queue(QueueName="t")


def test_s3_tells_a_queue_of_its_events(
    client: Client, account: str, sqs: Any, clock: CloudClock
) -> None:
    """If the queue lets it in, for this bucket; it says so at once, with a test event."""
    url = make_queue(sqs)
    arn = arn_of(sqs, url)
    s3 = client("s3")
    bucket = f"events-{account}"
    s3.create_bucket(Bucket=bucket)

    def configure() -> None:
        rule = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [rule]}
        )

    with pytest.raises(ClientError, match="Unable to validate"):
        configure()
    here = {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}}
    s3_alone = {"Service": "s3.amazonaws.com"}
    let(sqs, url, allow("sqs:SendMessage", arn, Principal=s3_alone, Condition=here))
    configure()
    (told,) = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert (told["QueueArn"], told["Events"]) == (arn, ["s3:ObjectCreated:*"])
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    clock.wait_until_idle()
    test, event = map(json.loads, bodies(receive(sqs, url)))
    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", bucket)
    (record,) = event["Records"]
    assert (record["eventName"], record["s3"]["object"]["size"]) == ("ObjectCreated:Put", 5)


def ask_unsigned(url: str, host: str = "", form: bool = False, **params: str) -> tuple[int, str]:
    """A form that nobody signed: in the URL, or in the body."""
    text = urlencode({"Version": "2012-11-05", **params})
    request = urllib.request.Request(url, text.encode()) if form else f"{url}?{text}"
    request = urllib.request.Request(request) if isinstance(request, str) else request
    if host:
        request.add_header("Host", host)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_policy_opens_a_queue_to_everybody(client: Client, account: str, sqs: Any) -> None:
    """Such access requires no signature, in either protocol; the sender is known by his address alone, and may what the
    policy says and no more. AWS: Developer Guide, "Making query API requests", "Making a GET request"."""
    url = make_queue(sqs)
    assert ask_unsigned(url, Action="SendMessage", MessageBody="x")[0] == 403
    let(sqs, url, allow("sqs:SendMessage", arn_of(sqs, url), Principal="*"))
    assert ask_unsigned(url, Action="SendMessage", MessageBody="a b")[0] == 200
    assert ask_unsigned(url, form=True, Action="SendMessage", MessageBody="posted")[0] == 200
    nobody = client("sqs", signature_version=UNSIGNED)
    nobody.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "by JSON"}])
    got = receive(sqs, url, AttributeNames=["SenderId"])
    assert sorted(bodies(got)) == ["a b", "by JSON", "posted"]
    assert {message["Attributes"]["SenderId"] for message in got} == {"127.0.0.1"}
    status, xml = ask_unsigned(url, Action="ReceiveMessage")
    assert status == 403
    assert "<Code>AccessDenied</Code>" in xml
    assert "User: anonymous is not authorized to perform: sqs:receivemessage" in xml
    let(sqs, url, allow("sqs:*", Principal={"AWS": "*"}))
    assert ask_unsigned(url, Action="ReceiveMessage")[0] == 200
    assert ask_unsigned(url, Action="DeleteQueue")[0] == 403
    assert refused(nobody.list_queues)[0] == "AccessDenied"
    assert refused(nobody.create_queue, QueueName="q")[0] == "AccessDenied"


def test_nobodys_url_tells_the_region(server: Server, account: str) -> None:
    """No signature does: a host name of AWS's form, or the path."""
    sqs = server.client("sqs", account, region_name="eu-north-1")
    url = make_queue(sqs)
    let(sqs, url, allow("sqs:SendMessage", Principal="*"))
    send_it = {"Action": "SendMessage", "MessageBody": "x"}
    assert ask_unsigned(url, **send_it)[0] == 403
    assert ask_unsigned(url, host="sqs.eu-north-1.localhost", **send_it)[0] == 200
    host, path = url.split("/", 3)[2:]
    assert ask_unsigned(f"http://{host}/queue/eu-north-1/{path}", **send_it)[0] == 200
    assert len(receive(sqs, url)) == 2
