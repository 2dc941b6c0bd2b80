"""Which keys the policies of a request ask for, so that only those are looked up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pilvi.languages.policy import IDENTITY, Attachment, Document, Origin, Policies, document

TAGS = frozenset({"aws:resourcetag/*"})


def asking(key: str) -> Document:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"StringEquals": {key: "red"}},
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    return document(text, IDENTITY, Origin(Attachment.INLINE))


ASKING = asking("aws:ResourceTag/Team")
SILENT = asking("aws:RequestedRegion")


@pytest.mark.parametrize(
    "policies",
    [
        Policies(identity=(SILENT, ASKING)),
        Policies(boundary=ASKING),
        Policies(session=(ASKING,)),
        Policies(resource=(SILENT, ASKING)),
        Policies(service_control=((SILENT,), (ASKING,))),
        Policies(resource_control=((ASKING,),)),
    ],
)
def test_every_policy_that_applies_counts(policies: Policies) -> None:
    """One that was forgotten would find its key absent: an Allow with ForAllValues would let in, a Deny let pass."""
    assert policies.ask_for(TAGS)


def test_what_nobody_asks_for_is_not_looked_up() -> None:
    silent = Policies(
        (SILENT,),
        SILENT,
        (SILENT,),
        (SILENT,),
        service_control=((SILENT,),),
        resource_control=((),),
    )
    assert not silent.ask_for(TAGS)
    assert silent.ask_for(frozenset({"aws:requestedregion"}))


def test_a_variable_asks_too() -> None:
    statement = {
        "Effect": "Allow",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::b/${aws:ResourceTag/Team}/*",
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    assert Policies((document(text, IDENTITY, Origin(Attachment.INLINE)),)).ask_for(TAGS)
