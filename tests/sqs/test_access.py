"""Who may use a queue: users of the account, other accounts, services that deliver to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from persons import Person, allow, deny, document
from servers import CloudClock

from .support import arn_of, bodies, make_queue, receive, refused, send

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
