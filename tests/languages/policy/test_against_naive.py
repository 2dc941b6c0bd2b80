"""Random policies and requests: both evaluators agree, and what must hold of every decision does."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.languages.policy import naive
from tests.languages.policy.asking import (
    CANONICAL,
    HERE,
    PEOPLE,
    PROVIDER,
    ROLE,
    THERE,
    Json,
    ask,
    policies_of,
    written,
)

from pilvi.languages.policy import (
    Clause,
    Decision,
    Layer,
    Request,
    Verdict,
    decide,
    denial_text,
    explain,
)
from pilvi.languages.policy.matching import ResourceTest
from pilvi.languages.policy.patterns import joined, matcher, read_wildcards

ROUGHLY = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))

ACTIONS = ["s3:GetObject", "s3:PutBucketPolicy", "sqs:SendMessage"]
ACTION_PATTERNS = ["*", "s3:*", "s3:Get*", "S3:getobject", "sqs:*", "s3:*o*", "s3:?utBucketPolicy"]
ARNS = [
    "*",
    "arn:aws:s3:::b",
    "arn:aws:s3:::b/ann/x",
    "arn:aws:sqs:eu-west-1:111111111111:ann",
    "arn:aws:sqs:eu-west-1:222222222222:a:b",
]
ARN_PATTERNS = [
    *ARNS,
    "arn:aws:*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b*",
    "arn:aws:s3:::b/${aws:username}/*",
    "arn:aws:sqs:*:*:${aws:username, 'ann'}",
    "arn:aws:sqs:eu-*-1:*:a*",
    "arn:aws:sqs:*-1:2*2:?:b",
]
VALUES = ["", "a", "A", "ann", "5", "10", "true", "2020-01-01", "10.0.0.1", "arn:aws:s3:::b"]
WANTED = [*VALUES, "a*", "${aws:username}", "${aws:k}", "10.0.0.0/8", "arn:*:s3:::*", "*", "YQ=="]
KEYS = ["aws:k", "AWS:K", "aws:username", "aws:m", "aws:PrincipalTag/t"]
_NEGATABLE = ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "NumericEquals", "DateEquals")
OPERATORS = [
    *_NEGATABLE,
    *(one.replace("Equals", "NotEquals").replace("Like", "NotLike") for one in _NEGATABLE),
    *("NumericLessThan", "NumericGreaterThanEquals", "DateLessThanEquals", "DateGreaterThan"),
    *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnLike", "ArnEquals", "ArnNotLike"),
]
PRINCIPALS: list[Json] = [
    *("*", "*"),
    {"AWS": HERE},
    {"AWS": [f"arn:aws:iam::{THERE}:root", f"arn:aws:iam::{HERE}:user/ann"]},
    {"AWS": [f"arn:aws:iam::{HERE}:root", ROLE]},
    {"AWS": f"arn:aws:sts::{HERE}:assumed-role/worker/s1"},
    {"AWS": ["AIDAEXAMPLEUSERIDXXXX", "AROATHEIRROLEIDXXXXXX"], "CanonicalUser": CANONICAL},
    {"Service": "sns.amazonaws.com", "Federated": PROVIDER},
    {"AWS": [f"arn:aws:iam::{HERE}:root", f"arn:aws:iam::{HERE}:user/ann"]},
]


def some(values: list[str], least: int = 1) -> st.SearchStrategy[Json]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=3, unique=True)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        if draw(st.integers(0, 9)) == 0:
            found["Null"] = {draw(st.sampled_from(KEYS)): draw(some(["true", "false"]))}
            continue
        operator = draw(st.sampled_from(OPERATORS))
        quantifier = draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]))
        suffix = draw(st.sampled_from(["", "", "IfExists"]))
        key = draw(st.sampled_from(KEYS))
        found[f"{quantifier}{operator}{suffix}"] = {key: draw(some(WANTED))}
    return found


@st.composite
def statements(draw: st.DrawFn, *, principals: bool = False, resources: bool = True) -> Json:
    """A Deny is mostly narrow and an Allow often wide, so that many requests pass."""
    allows = draw(st.integers(0, 4)) != 0
    wide = allows and draw(st.integers(0, 2)) != 0
    told: dict[str, Json] = {"Effect": "Allow" if allows else "Deny"}
    told[draw(st.sampled_from(["Action"] * 4 + (["NotAction"] if not wide else [])))] = draw(
        some(["*", "s3:*", "s3:*o*", "sqs:*"][: 1 if wide else 4])
        if allows
        else some(ACTION_PATTERNS)
    )
    if resources:
        wanted = ["*"] if wide else ARN_PATTERNS
        told[draw(st.sampled_from(["Resource"] * 4 + (["NotResource"] if not wide else [])))] = (
            draw(some(wanted))
        )
    if principals:
        name = draw(st.sampled_from(["Principal"] * 4 + ["NotPrincipal"]))
        told[name] = draw(st.sampled_from(PRINCIPALS))
    if not wide and (met := draw(conditions())):
        told["Condition"] = met
    return told


POLICY = st.lists(statements(), min_size=1, max_size=3)
MAYBE = st.none() | POLICY


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of `ask`."""
    side = draw(st.sampled_from(["ordinary"] * 4 + ["key", "trust"]))
    of_resource = statements(principals=True, resources=side != "trust")
    controls = st.lists(statements(principals=True), min_size=1, max_size=2)
    return {
        "who": draw(st.sampled_from(sorted(PEOPLE)) | st.sampled_from(["user", "session"])),
        "action": draw(st.sampled_from(ACTIONS)),
        "arn": draw(st.sampled_from(ARNS)),
        "owner": draw(st.sampled_from(["", "", HERE, THERE])),
        "context": draw(st.dictionaries(st.sampled_from(KEYS), some(VALUES, 0))),
        "side": side,
        "version": draw(st.sampled_from(["2012-10-17", "2012-10-17", None])),
        "identity": draw(MAYBE),
        "boundary": draw(MAYBE),
        "session": draw(MAYBE),
        "resource": draw(st.none() | st.lists(of_resource, min_size=1, max_size=3)),
        "scp": draw(st.none() | st.none() | st.lists(POLICY, max_size=2)),
        "rcp": draw(st.none() | st.none() | st.lists(controls, max_size=2)),
    }


@given(questions())
@ROUGHLY
def test_both_evaluators_agree(question: dict[str, Any]) -> None:
    """`ask` compares them; and every refusal can be told and explained."""
    decision = ask(**question)
    asked, policies = asked_of(question)
    assert decide(asked, policies) == decision
    assert explain(asked, policies, decision)
    if not decision.allowed:
        assert denial_text(asked, decision)
        assert (decision.statements != ()) is (decision.verdict is Verdict.EXPLICIT_DENY)
        assert (decision.lacking != ()) is (decision.verdict is Verdict.IMPLICIT_DENY)


def asked_of(question: dict[str, Any]) -> tuple[Request, Any]:
    context = {key.lower(): tuple(values) for key, values in question["context"].items()}
    names = ("identity", "boundary", "session", "resource")
    version = question["version"]
    texts = {name: [written(question[name], version)] for name in names if question[name]}
    for name in ("scp", "rcp"):
        if question[name]:
            texts[name] = [[written(level, version)] for level in question[name]]  # type: ignore[assignment] # levels
    texts["side"] = question["side"]
    person = PEOPLE[question["who"]]
    owner = question["owner"] or person.account
    asked = Request(person, question["action"], (question["arn"],), owner, context)
    return asked, policies_of(texts)


LAYERS = ["identity", "boundary", "session", "resource"]


def with_statement(
    question: dict[str, Any], layer: str, statement: Json, at: int
) -> dict[str, Any]:
    policy = list(question[layer])
    policy.insert(at % (len(policy) + 1), statement)
    return {**question, layer: policy}


def added(question: dict[str, Any], layer: str, effect: str) -> Json:
    principal = {"Principal": "*"} if layer == "resource" else {}
    resource = {} if layer == "resource" and question["side"] == "trust" else {"Resource": "*"}
    return {"Effect": effect, "Action": "*", **principal, **resource}


@given(questions(), st.sampled_from(LAYERS), st.integers(0, 9))
@ROUGHLY
def test_a_deny_never_allows_and_an_allow_never_denies(
    question: dict[str, Any], layer: str, at: int
) -> None:
    if question[layer] is None:
        return
    before = ask(**question)
    denied = ask(**with_statement(question, layer, added(question, layer, "Deny"), at))
    kept = layer == "resource" and question["action"] == "s3:PutBucketPolicy"
    assert not denied.allowed or (kept and "root" in question["who"])
    allowed = ask(**with_statement(question, layer, added(question, layer, "Allow"), at))
    assert allowed.allowed or not before.allowed
    assert (allowed.verdict is Verdict.EXPLICIT_DENY) is (before.verdict is Verdict.EXPLICIT_DENY)


def outcome(decision: Decision) -> tuple[Verdict, Layer | None, tuple[Layer, ...]]:
    return decision.verdict, decision.layer, decision.lacking


@given(questions(), st.randoms(use_true_random=False))
@ROUGHLY
def test_order_does_not_matter(question: dict[str, Any], chance: Any) -> None:
    """Of statements, of levels; nor whether statements share a document."""
    shuffled = dict(question)
    for name in (*LAYERS, "scp", "rcp"):
        if question[name] is not None:
            shuffled[name] = chance.sample(question[name], len(question[name]))
    expected = outcome(ask(**question))
    assert outcome(ask(**shuffled)) == expected
    asked, policies = asked_of(question)
    texts: dict[str, Any] = {"side": question["side"]}
    for name in ("identity", "session", "resource"):
        if question[name]:
            texts[name] = [written([one], question["version"]) for one in question[name]]
    apart = policies_of(texts)
    found = decide(
        asked,
        type(policies)(
            apart.identity,
            policies.boundary,
            apart.session,
            apart.resource,
            policies.resource_side,
            policies.service_control,
            policies.resource_control,
        ),
    )
    assert outcome(found) == expected


SIGNS = st.text(alphabet="ab:*?", max_size=9)
PLAIN = st.text(alphabet="ab:", max_size=12)


@given(SIGNS, PLAIN)
@settings(max_examples=600, deadline=None)
def test_wildcards(pattern: str, text: str) -> None:
    signs = [(one, one in "*?", True) for one in pattern]
    assert matcher(joined(read_wildcards(pattern)))(text) == naive.fits(signs, text)


def segments(alphabet: str) -> st.SearchStrategy[str]:
    return st.lists(st.text(alphabet=alphabet, max_size=4), min_size=1, max_size=7).map(":".join)


@given(segments("aa*?"), segments("aaa"))
@settings(max_examples=600, deadline=None)
def test_wildcards_in_resources(pattern: str, text: str) -> None:
    """Segment by segment, whatever the number of colons."""
    test = ResourceTest(Clause((pattern,)), "2012-10-17")
    assert test.covers(text, {}) == naive.resource_fits(pattern, "2012-10-17", {}, text)


NUMBERS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=2
)
COMPARISONS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan"]


@given(NUMBERS, NUMBERS, st.sampled_from(COMPARISONS))
@settings(max_examples=150, deadline=None)
def test_numbers(wanted: Any, value: Any, comparison: str) -> None:
    condition = {f"Numeric{comparison}": {"aws:k": str(wanted)}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    ask(context={"aws:k": str(value)}, identity=[statement])


ZONES = ["", "Z", "+02:00", "-11:30"]


@given(st.datetimes(), st.datetimes(), st.sampled_from(COMPARISONS), st.sampled_from(ZONES))
@settings(max_examples=150, deadline=None)
def test_dates(wanted: Any, value: Any, comparison: str, zone: str) -> None:
    condition = {f"Date{comparison}": {"aws:k": wanted.isoformat() + zone}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    ask(context={"aws:k": value.isoformat() + "Z"}, identity=[statement])
