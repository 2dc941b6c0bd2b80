"""What is passed with a request for temporary credentials: session policies, tags, a source identity.

Checks it, and joins it with what the caller's own session hands on: transitive tags and the source identity stay with
every session of a chain of roles.
AWS: IAM User Guide, "Pass session tags in AWS STS", "Monitor and control actions taken with assumed roles", "IAM and
AWS STS quotas".
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pilvi.base.arn import Scope
from pilvi.contracts.credentials import Session
from pilvi.identity.principal import Principal
from pilvi.languages.policy import IDENTITY, IDENTITY_WORDS, PolicyError, parse
from pilvi.services.iam import aws_policies, errors, limits, rules
from pilvi.services.iam.wire import PolicyDescriptorType, Tag
from pilvi.store.api import Snapshot

NO_SESSION = Session(issued_at_ms=0)


class Passed(NamedTuple):
    policies: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = {}
    transitive: tuple[str, ...] = ()
    source_identity: str = ""

    @property
    def packed_percent(self) -> int | None:
        """How much of the room it fills when packed; None when nothing was passed.

        Differs: what AWS packs and how is not published; here it is deflated.
        """
        if not (self.policies or self.policy_arns or self.tags):
            return None
        texts = (*self.policies, *self.policy_arns, *(f"{k}={v}" for k, v in self.tags.items()))
        packed = len(zlib.compress("\n".join(texts).encode(), 9))
        return -(-100 * packed // limits.PACKED_BYTES_MAX)

    def session(self, caller: Principal, now_ms: int, *, provider: str = "") -> Session:
        """The facts of the new session, with what the caller's hands on."""
        inherited = inherited_tags(caller)
        handed_on = caller.session or NO_SESSION
        return Session(
            issued_at_ms=now_ms,
            policies=self.policies,
            policy_arns=self.policy_arns,
            tags={**inherited, **self.tags},
            transitive=(*(key.lower() for key in inherited), *self.transitive),
            source_identity=self.source_identity or handed_on.source_identity,
            provider=provider,
        )


def inherited_tags(caller: Principal) -> dict[str, str]:
    """The transitive ones of the caller's session."""
    session = caller.session or NO_SESSION
    return {key: value for key, value in session.tags.items() if key.lower() in session.transitive}


def read_passed(
    at: Snapshot,
    scope: Scope,
    caller: Principal,
    *,
    policy: str | None = None,
    policy_arns: Sequence[PolicyDescriptorType] = (),
    tags: Sequence[Tag] = (),
    transitive: Sequence[str] = (),
    source_identity: str = "",
) -> Passed:
    """`scope`: of the account whose managed policies may be named.

    Raises: MalformedPolicyDocument, PackedPolicyTooLarge, InvalidParameterValue, ValidationError, AccessDenied.
    """
    if policy is not None:
        _check_policy(policy)
    arns = tuple(one.get("arn", "") for one in policy_arns)
    _check_policy_arns(at, scope, arns)
    if len(policy or "") + sum(map(len, arns)) > limits.SESSION_POLICY_CHARACTERS:
        raise errors.PackedPolicyTooLarge(
            detail="The total size of the session policies exceeds"
            f" {limits.SESSION_POLICY_CHARACTERS} characters."
        )
    chained = (caller.session or NO_SESSION).source_identity
    if source_identity and chained and source_identity != chained:
        raise errors.AccessDenied(
            detail="The source identity of the calling session cannot be changed."
        )
    passed = Passed(
        policies=() if policy is None else (policy,),
        policy_arns=arns,
        tags=_checked_tags(caller, tags, transitive),
        transitive=tuple(key.lower() for key in transitive),
        source_identity=source_identity,
    )
    percent = passed.packed_percent
    if percent is not None and percent > 100:
        raise errors.PackedPolicyTooLarge(
            detail="The session policies and session tags together exceed the packed size limit:"
            f" they take {percent}% of it."
        )
    return passed


def _check_policy(text: str) -> None:
    try:
        parse(text, IDENTITY)
    except PolicyError as wrong:
        raise errors.MalformedPolicyDocument(detail=wrong.told(IDENTITY_WORDS)) from wrong


def _check_policy_arns(at: Snapshot, scope: Scope, arns: Sequence[str]) -> None:
    if len(arns) > limits.SESSION_POLICY_ARNS:
        raise errors.LimitExceeded(quota="PolicyArnsPerSession", limit=limits.SESSION_POLICY_ARNS)
    for arn in arns:
        if aws_policies.find_policy(at, scope, arn) is None:
            raise errors.ValidationError(detail=f"The session policy {arn} does not exist.")


def _checked_tags(
    caller: Principal, tags: Sequence[Tag], transitive: Sequence[str]
) -> dict[str, str]:
    found = {tag["Key"]: tag["Value"] for tag in tags}
    keys = {key.lower() for key in found}
    if rules.has_system_keys(keys):
        raise errors.InvalidParameterValue(detail="Tag keys must not begin with aws:")
    if len(keys) != len(tags):
        raise errors.InvalidParameterValue(
            detail="Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    if not keys.issuperset(key.lower() for key in transitive):
        raise errors.InvalidParameterValue(
            detail="The specified transitive tag key must be included in the requested tags."
        )
    inherited = inherited_tags(caller)
    if not keys.isdisjoint(key.lower() for key in inherited):
        raise errors.InvalidParameterValue(
            detail="One of the specified transitive tag keys can't be set because it conflicts with a"
            " transitive tag key from the calling session."
        )
    if len(found) + len(inherited) > limits.SESSION_TAGS:
        raise errors.LimitExceeded(quota="TagsPerSession", limit=limits.SESSION_TAGS)
    return found
