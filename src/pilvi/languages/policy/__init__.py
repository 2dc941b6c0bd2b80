"""The JSON policy language of IAM: who may do what to which resources, and when.

`grammar` reads a document; `problems` says in AWS's texts why it could not. `compiled` makes it ready to be asked:
`matching` for actions and resources over `patterns`, `principals`, `conditions`, `variables`. `evaluation` decides over
all policies that apply to a request; `keys` tells what of its context follows from who asks; `messages` refuses in
AWS's texts, `explanation` tells a developer why; `simulation` takes a decision apart, with `positions` in the texts.
"""

from pilvi.languages.policy.compiled import (
    Attachment,
    CompiledPolicy,
    Document,
    Origin,
    compile_policy,
    document,
    principals_named,
)
from pilvi.languages.policy.evaluation import (
    Deciding,
    Decision,
    Layer,
    Policies,
    Request,
    ResourceSide,
    Verdict,
    decide,
)
from pilvi.languages.policy.explanation import (
    Missed,
    NearMiss,
    explain,
    near_misses,
    told_origin,
    told_statement,
)
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
from pilvi.languages.policy.keys import family_of, principal_keys
from pilvi.languages.policy.messages import caller_name, denial_text
from pilvi.languages.policy.positions import Place, Span, statement_spans
from pilvi.languages.policy.principals import ANONYMOUS, Grant, Kind, Principal
from pilvi.languages.policy.problems import (
    IDENTITY_WORDS,
    RESOURCE_WORDS,
    PolicyError,
    Reason,
)
from pilvi.languages.policy.remedies import literal, remedies
from pilvi.languages.policy.simulation import Applied, Simulated, simulate
from pilvi.languages.policy.variables import Context

__all__ = [
    "ANONYMOUS",
    "IDENTITY",
    "IDENTITY_WORDS",
    "RESOURCE",
    "RESOURCE_WORDS",
    "TRUST",
    "Applied",
    "Attachment",
    "Clause",
    "CompiledPolicy",
    "Condition",
    "Context",
    "Deciding",
    "Decision",
    "Document",
    "Form",
    "Grant",
    "Kind",
    "Layer",
    "Missed",
    "NearMiss",
    "Origin",
    "Place",
    "Policies",
    "Policy",
    "PolicyError",
    "Principal",
    "Principals",
    "Reason",
    "Request",
    "ResourceSide",
    "Simulated",
    "Span",
    "Statement",
    "Verdict",
    "caller_name",
    "compile_policy",
    "decide",
    "denial_text",
    "document",
    "explain",
    "family_of",
    "literal",
    "near_misses",
    "parse",
    "principal_keys",
    "principals_named",
    "remedies",
    "simulate",
    "statement_spans",
    "told_origin",
    "told_statement",
]
