"""Filter criteria under a key of KMS: encrypted, told to those who may decrypt, and used by the poller."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lambda_.mappings.support import Workshop, until
from persons import Person, allow
from servers import CloudClock

CRITERIA = {"Filters": [{"Pattern": json.dumps({"body": {"wanted": [True]}})}]}
WANTED, OTHER = '{"wanted": true}', '{"wanted": false}'


# As on AWS, the key's policy has to let Lambda itself decrypt: the function's role is not asked.
def test_filters_under_a_key_are_told_and_used_where_the_key_permits(
    workshop: Workshop, client: Callable[..., Any], account: str, clock: CloudClock
) -> None:
    kms, lambda_ = client("kms"), workshop.lambda_
    key = kms.create_key()["KeyMetadata"]["Arn"]
    queue = workshop.queue()
    workshop.function()
    uuid = workshop.map(queue, FilterCriteria=CRITERIA, KMSKeyArn=key)

    def get() -> Any:
        return lambda_.get_event_source_mapping(UUID=uuid)

    assert (get()["FilterCriteria"], get()["KMSKeyArn"]) == (CRITERIA, key)
    (listed,) = lambda_.list_event_source_mappings()["EventSourceMappings"]
    assert ("FilterCriteria" in listed, listed["KMSKeyArn"]) == (False, key)
    workshop.send(queue, WANTED, OTHER)
    told = until(get, lambda mapping: "KMS Exception" in mapping.get("LastProcessingResult", ""))
    assert "AccessDeniedException" in told["LastProcessingResult"]
    workshop.nothing_more()
    assert workshop.counts(queue) == (2, 0)

    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "kms:Decrypt",
            "Resource": "*",
            "Condition": {"ArnEquals": {"aws:SourceArn": told["EventSourceMappingArn"]}},
        }
    )
    kms.put_key_policy(KeyId=key, Policy=json.dumps(policy))
    clock.advance(seconds=61)
    assert workshop.bodies(1) == [[WANTED]]
    workshop.nothing_more()

    ann = Person(client, account)
    ann.may(allow("lambda:*EventSourceMapping*"))
    hers = ann.client("lambda").get_event_source_mapping(UUID=uuid)
    assert hers["FilterCriteriaError"]["ErrorCode"] == "AccessDeniedException"
    assert ("FilterCriteria" in hers, hers["KMSKeyArn"]) == (False, key)

    lambda_.update_event_source_mapping(UUID=uuid, KMSKeyArn="")
    (listed,) = lambda_.list_event_source_mappings()["EventSourceMappings"]
    assert (listed["FilterCriteria"], "KMSKeyArn" in listed) == (CRITERIA, False)
