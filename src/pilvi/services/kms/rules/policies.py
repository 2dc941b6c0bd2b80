"""Key policies: the default ones, and whether a text may be one.

Differs: principals must look like principals, but need not exist.
AWS: KMS Developer Guide, "Default key policy", "Key policies in AWS KMS".
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from pilvi.base.arn import Scope
from pilvi.languages.policy import RESOURCE, RESOURCE_WORDS, PolicyError, Reason, Statement, parse
from pilvi.services.kms import errors, limits

NAME = "default"
"""The one name that a key policy can have."""

_DEFAULT = """{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:{partition}:iam::{account}:root"
    }},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"""

_MANAGED = """{{
  "Version" : "2012-10-17",
  "Id" : "auto-{service}-2",
  "Statement" : [ {{
    "Sid" : "Allow access through {service} for all principals in the account that are authorized to use it",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "*"
    }},
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", \
"kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {{
      "StringEquals" : {{
        "kms:CallerAccount" : "{account}",
        "kms:ViaService" : "{service}.{region}.amazonaws.com"
      }}
    }}
  }}, {{
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:{partition}:iam::{account}:root"
    }},
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  }} ]
}}"""


def default_policy(scope: Scope) -> str:
    return _DEFAULT.format(partition=scope.partition, account=scope.account)


def managed_policy(scope: Scope, service: str) -> str:
    """Of the key that a service uses on its own, `alias/aws/<service>`."""
    return _MANAGED.format(
        partition=scope.partition, account=scope.account, region=scope.region, service=service
    )


def check_policy(text: str, who: frozenset[str], account: str, *, bypass: bool) -> None:
    """`who`: the ARNs of the principal that asks. `bypass`: it may lock itself out.

    Raises: MalformedPolicyDocumentException; LimitExceededException.
    """
    if len(text.encode()) > limits.POLICY_BYTES_MAX:
        raise errors.LimitExceededException(
            detail=f"The key policy is larger than {limits.POLICY_BYTES_MAX} bytes."
        )
    try:
        policy = parse(text, RESOURCE)
    except PolicyError as wrong:
        raise errors.MalformedPolicyDocumentException(detail=_told(wrong)) from wrong
    if bypass:
        return
    fitting = [one for one in policy.statements if _covers(one, who, account)]
    if not fitting or not all(one.allows for one in fitting):
        raise errors.MalformedPolicyDocumentException(
            detail="The new key policy will not allow you to update the key policy in the future."
        )


def _told(wrong: PolicyError) -> str:
    if wrong.reason in (Reason.PRINCIPAL, Reason.NO_PRINCIPAL):
        return "Policy contains a statement with one or more invalid principals."
    return wrong.told(RESOURCE_WORDS)


def _covers(statement: Statement, who: frozenset[str], account: str) -> bool:
    """Whether it is about one of these principals changing the key policy, as far as can be seen without a request:
    a statement with conditions counts when it allows."""
    principals, actions = statement.principals, statement.actions
    if principals is None or (statement.conditions and not statement.allows):
        return False
    everyone_here = {"*", account}
    named = any(
        kind == "AWS" and (one in everyone_here or one in who or one.endswith(f":{account}:root"))
        for kind, one in principals.named
    )
    acted = any(
        fnmatchcase("kms:putkeypolicy", pattern.lower().replace("[", "[[]"))
        for pattern in actions.patterns
    )
    return named != principals.negated and acted != actions.negated
