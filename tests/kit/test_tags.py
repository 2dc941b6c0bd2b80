"""Tags as condition keys, read out of requests that nobody has validated yet."""

from __future__ import annotations

from typing import Any

import pytest

from pilvi.kit import tags
from pilvi.languages.policy import family_of


def test_tags_that_a_request_puts_on() -> None:
    told = tags.of_request(
        tags.listed("Tags")({"Tags": [{"Key": "Team", "Value": "red"}, {"Key": "a/b"}]})
    )
    assert told == {
        "aws:tagkeys": ("Team", "a/b"),
        "aws:requesttag/team": ("red",),
        "aws:requesttag/a/b": ("",),
    }
    assert tags.of_request(tags.mapped("tags")({"tags": {"k": "v"}})) == {
        "aws:tagkeys": ("k",),
        "aws:requesttag/k": ("v",),
    }


def test_tags_that_a_request_takes_off_have_no_values() -> None:
    assert tags.of_request(tags.named("TagKeys")({"TagKeys": ["a", "B"]})) == {
        "aws:tagkeys": ("a", "B")
    }


def test_a_request_without_tags_is_known_to_have_none() -> None:
    assert tags.of_request(tags.listed("Tags")({})) == {"aws:tagkeys": ()}


def test_tags_that_differ_by_case_are_one_key_with_all_values() -> None:
    """An Allow then needs both to be right: nobody gets in by a second tag."""
    assert tags.of_resource({"Team": "red", "team": "blue"}, "iam:resourcetag/") == {
        "iam:resourcetag/team": ("red", "blue")
    }


@pytest.mark.parametrize("given", [None, "text", 7, [1, "x", None], {"a": 1}, [{"Key": 3}]])
def test_what_is_no_tag_breaks_nothing(given: Any) -> None:
    for read in (tags.listed("T"), tags.mapped("T"), tags.named("T")):
        assert "aws:tagkeys" in tags.of_request(read({"T": given}))


@pytest.mark.parametrize(
    ("key", "family"),
    [
        ("aws:resourcetag/team", "aws:resourcetag/*"),
        ("aws:resourcetag/aws:cloudformation:stack-name", "aws:resourcetag/*"),
        ("aws:requesttag/a/b", "aws:requesttag/*"),
        ("kms:encryptioncontext:app", "kms:encryptioncontext:*"),
        ("aws:tagkeys", "aws:tagkeys"),
        ("s3:x-amz-acl", "s3:x-amz-acl"),
    ],
)
def test_the_family_of_a_key(key: str, family: str) -> None:
    assert family_of(key) == family
