"""Queues with a key of KMS: asked in the caller's name, and nothing readable on the disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from persons import Person, allow

from .support import bodies, counts, make_queue, receive, refused, send

Client = Callable[..., Any]


def test_messages_are_encrypted_under_the_queues_key(
    client: Client, account: str, sqs: Any
) -> None:
    """Who may not use the key can neither send nor receive, and what they would have received is given back."""
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    url = make_queue(sqs, KmsMasterKeyId=key)
    attributes = {"a": {"DataType": "String", "StringValue": "v"}}
    send(sqs, url, "secret", MessageAttributes=attributes)
    ann = Person(client, account)
    hers = ann.client("sqs")
    ann.may(allow("sqs:*"))
    code, _, status = refused(hers.send_message, QueueUrl=url, MessageBody="x")
    assert (code, status) == ("KMS.AccessDeniedException", 400)
    assert refused(hers.receive_message, QueueUrl=url)[0] == "KMS.AccessDeniedException"
    assert counts(sqs, url) == (1, 0, 0)
    ann.may(allow(["sqs:*", "kms:Decrypt"]))
    (got,) = receive(hers, url, MessageAttributeNames=["All"], VisibilityTimeout=0)
    assert (got["Body"], got["MessageAttributes"]) == ("secret", attributes)
    assert got["MD5OfMessageAttributes"]
    kms.disable_key(KeyId=key)
    other = make_queue(sqs, KmsMasterKeyId=key)
    assert refused(sqs.send_message, QueueUrl=other, MessageBody="x")[0] == "KMS.DisabledException"
    missing = make_queue(sqs, KmsMasterKeyId="alias/none")
    assert (
        refused(sqs.send_message, QueueUrl=missing, MessageBody="x")[0] == "KMS.NotFoundException"
    )


def test_the_accounts_own_key(sqs: Any) -> None:
    """It is made when it is first asked for; a batch is under one data key."""
    url = make_queue(sqs, KmsMasterKeyId="alias/aws/sqs")
    entries = [{"Id": body, "MessageBody": body} for body in "ab"]
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 2
    assert bodies(receive(sqs, url)) == ["a", "b"]
