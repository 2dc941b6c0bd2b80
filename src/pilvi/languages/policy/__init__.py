"""The JSON policy language of IAM: who may do what to which resources, and when.

`grammar` reads a document; `problems` says in AWS's texts why it could not. Nothing is evaluated here.
"""

from pilvi.languages.policy.grammar import (
    IDENTITY,
    RESOURCE,
    TRUST,
    Clause,
    Condition,
    Form,
    Policy,
    Principals,
    Statement,
    parse,
)
from pilvi.languages.policy.problems import (
    IDENTITY_WORDS,
    RESOURCE_WORDS,
    PolicyError,
    Reason,
)

__all__ = [
    "IDENTITY",
    "IDENTITY_WORDS",
    "RESOURCE",
    "RESOURCE_WORDS",
    "TRUST",
    "Clause",
    "Condition",
    "Form",
    "Policy",
    "PolicyError",
    "Principals",
    "Reason",
    "Statement",
    "parse",
]
