"""The four settings of a public access block, as requests and answers have them: a bucket's and an account's alike."""

from __future__ import annotations

from pilvi.services.s3.records.buckets import PublicAccess
from pilvi.services.s3.wire import PublicAccessBlockConfiguration

SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def told(block: PublicAccess) -> PublicAccessBlockConfiguration:
    return {
        "BlockPublicAcls": block.block_acls,
        "IgnorePublicAcls": block.ignore_acls,
        "BlockPublicPolicy": block.block_policy,
        "RestrictPublicBuckets": block.restrict_buckets,
    }


def block_of(given: PublicAccessBlockConfiguration) -> PublicAccess:
    """What is not given is off."""
    return PublicAccess(
        block_acls=given.get("BlockPublicAcls", False),
        ignore_acls=given.get("IgnorePublicAcls", False),
        block_policy=given.get("BlockPublicPolicy", False),
        restrict_buckets=given.get("RestrictPublicBuckets", False),
    )
