"""What can be wrong with a policy, and AWS's two ways of saying it.

Identity policies are read by one parser at AWS, policies of resources (trust policies among them) by another;
the same mistake has another text in each.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Reason(Enum):
    JSON = "not JSON, or an object that has a member twice"
    SYNTAX = "a value of the wrong kind"
    UNKNOWN = "a member that policies do not have"
    VERSION = "a version that is none"
    NO_STATEMENT = "no Statement"
    EMPTY = "an empty list of statements"
    NO_EFFECT = "a statement without Effect"
    EFFECT = "an Effect that is neither Allow nor Deny"
    NO_ACTION = "neither Action nor NotAction"
    NO_RESOURCE = "neither Resource nor NotResource"
    NO_PRINCIPAL = "neither Principal nor NotPrincipal"
    BOTH = "a clause and its negation"
    PRINCIPAL_FORBIDDEN = "a principal where the policy's owner is the principal"
    RESOURCE_FORBIDDEN = "a resource where the policy's owner is the resource"
    SID = "a Sid of other characters"
    SID_TWICE = "a Sid that two statements have"
    VENDOR = "an action or condition key without a service in front"
    VENDOR_NAME = "an action of a service that cannot be one"
    COLONS = "an action with more than one colon"
    NO_ARN = "a resource that is no ARN"
    SHORT_ARN = "a resource that is half an ARN"
    PRINCIPAL = "a principal that cannot be one"
    OPERATOR = "a condition operator that does not exist"


class PolicyError(Exception):
    """`place`: where, as `Statement[0].Condition.StringEquals`. `name`: the text that is wrong, if it is one."""

    def __init__(self, reason: Reason, place: str, name: str = "") -> None:
        self.reason = reason
        self.place = place
        self.name = name
        super().__init__(f"{place or 'the policy'}: {reason.value} ({name[:100]})")

    def told(self, words: Mapping[Reason, str]) -> str:
        """In the words of a table of this file."""
        return words.get(self.reason, words[Reason.SYNTAX]).replace("{name}", self.name)


_SIDS_UNIQUE = "Statement IDs (SID) in a single policy must be unique."

IDENTITY_WORDS: Mapping[Reason, str] = {
    Reason.JSON: "This policy contains invalid Json",
    Reason.SYNTAX: "Syntax errors in policy.",
    Reason.VERSION: "Policy document must be version 2012-10-17 or greater.",
    Reason.NO_ACTION: "Policy statement must contain actions.",
    Reason.NO_RESOURCE: "Policy statement must contain resources.",
    Reason.PRINCIPAL_FORBIDDEN: "Policy document should not specify a principal.",
    Reason.SID: "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular"
    " expression [0-9A-Za-z]*",
    Reason.SID_TWICE: _SIDS_UNIQUE,
    Reason.VENDOR: "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    Reason.VENDOR_NAME: "Vendor {name} is not valid",
    Reason.COLONS: "Actions/Condition can contain only one colon.",
    Reason.NO_ARN: 'Resource {name} must be in ARN format or "*".',
    Reason.SHORT_ARN: "The policy failed legacy parsing",
}

RESOURCE_WORDS: Mapping[Reason, str] = {
    Reason.JSON: "This policy contains invalid Json",
    Reason.SYNTAX: "Invalid policy syntax.",
    Reason.UNKNOWN: "Unknown field {name}",
    Reason.VERSION: "The policy must contain a valid version string",
    Reason.NO_STATEMENT: "Missing required field Statement",
    Reason.EMPTY: "Could not parse the policy: Statement is empty!",
    Reason.NO_EFFECT: "Missing required field Effect",
    Reason.EFFECT: "Invalid effect: {name}",
    Reason.NO_ACTION: "Missing required field Action",
    Reason.NO_RESOURCE: "Missing required field Resource",
    Reason.NO_PRINCIPAL: "Missing required field Principal",
    Reason.RESOURCE_FORBIDDEN: "Has prohibited field {name}",
    Reason.PRINCIPAL_FORBIDDEN: "Has prohibited field {name}",
    Reason.SID_TWICE: _SIDS_UNIQUE,
    Reason.VENDOR: "Policy has invalid action",
    Reason.VENDOR_NAME: "Policy has invalid action",
    Reason.COLONS: "Policy has invalid action",
    Reason.NO_ARN: "Policy has invalid resource",
    Reason.SHORT_ARN: "Policy has invalid resource",
    Reason.PRINCIPAL: "Invalid principal in policy: {name}",
    Reason.OPERATOR: "Invalid Condition type : {name}",
}
