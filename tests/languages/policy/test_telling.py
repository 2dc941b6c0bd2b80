"""What a decision tells: AWS's texts, which statement decided, what is missing; and what is remembered between."""

from __future__ import annotations

import pytest
from tests.languages.policy.asking import HERE, PEOPLE, Json, allow, deny, policies_of, written

from pilvi.languages.policy import (
    IDENTITY,
    RESOURCE,
    Attachment,
    Deciding,
    Decision,
    Layer,
    Missed,
    Origin,
    Policies,
    PolicyError,
    Request,
    ResourceSide,
    Verdict,
    compile_policy,
    decide,
    denial_text,
    document,
    explain,
    near_misses,
)
from pilvi.languages.policy.compiled import ACTIONS_MAX, LARGE_CHARACTERS, POLICIES_MAX
from pilvi.languages.policy.explanation import NEAR_MISSES_MAX

TABLE = f"arn:aws:dynamodb:us-east-1:{HERE}:table/books"
OTHER = [allow("sqs:*")]
EVERYONE = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
TRUSTING = {"Effect": "Deny", "Principal": "*", "Action": "*"}


def asked(who: str = "session", action: str = "dynamodb:PutItem", **context: str) -> Request:
    keys = {key: (one,) for key, one in context.items()}
    return Request(PEOPLE[who], action, (TABLE,), HERE, keys)


def texts(**layers: Json) -> Policies:
    given = {
        name: layers[name] if name == "side" else [written(layers[name])]
        for name in layers
        if name not in ("scp", "rcp")
    }
    given |= {name: [[written(layers[name])]] for name in ("scp", "rcp") if name in layers}
    return policies_of(given)


USER = f"arn:aws:sts::{HERE}:assumed-role/worker/s1"
HEAD = f"User: {USER} is not authorized to perform: dynamodb:PutItem on resource: {TABLE}"

# IAM User Guide, "Troubleshoot access denied error messages"
TEXTS: list[tuple[Policies, str]] = [
    (texts(), "because no identity-based policy allows the dynamodb:PutItem action"),
    (texts(identity=[deny()]), "with an explicit deny in an identity-based policy"),
    (texts(identity=[allow()], boundary=OTHER),
     "because no permissions boundary allows the dynamodb:PutItem action"),
    (texts(identity=[allow()], boundary=[deny()]), "with an explicit deny in a permissions boundary"),
    (texts(identity=[allow()], session=OTHER),
     "because no session policy allows the dynamodb:PutItem action"),
    (texts(identity=[allow()], session=[deny()]), "with an explicit deny in a session policy"),
    (texts(identity=[allow()], scp=OTHER),
     "because no service control policy allows the dynamodb:PutItem action"),
    (texts(identity=[allow()], scp=[deny()]), "with an explicit deny in a service control policy"),
    (texts(identity=[allow()], rcp=[EVERYONE]), "with an explicit deny in a resource control policy"),
    (texts(identity=[allow()], resource=[EVERYONE]), "with an explicit deny in a resource-based policy"),
    (texts(identity=[allow()], side="key"),
     "because no resource-based policy allows the dynamodb:PutItem action"),
    (texts(identity=[allow()], side="trust", resource=[TRUSTING]), "with an explicit deny in the role trust policy"),
    (texts(identity=[allow()], side="trust"),
     "because no role trust policy allows the dynamodb:PutItem action"),
]  # fmt: skip


@pytest.mark.parametrize(("policies", "reason"), TEXTS)
def test_texts(policies: Policies, reason: str) -> None:
    request = asked()
    assert denial_text(request, decide(request, policies)) == f"{HEAD} {reason}"


@pytest.mark.parametrize(("who", "name"), [
    ("anonymous", "anonymous"),
    ("service", "sns.amazonaws.com"),
    ("user", f"arn:aws:iam::{HERE}:user/ann"),
    ("federated", f"arn:aws:sts::{HERE}:federated-user/bob"),
])  # fmt: skip
def test_names(who: str, name: str) -> None:
    request = asked(who)
    told = denial_text(request, decide(request, Policies()))
    assert told.startswith(f"User: {name} is not authorized to perform: dynamodb:PutItem on ")


def test_s3_quotes_the_resource() -> None:
    told = denial_text(asked(), decide(asked(), Policies()), quoted=True)
    assert f'on resource: "{TABLE}" because' in told


def test_policies_are_named_at_home_only() -> None:
    """And those of resources and roles never: they have no ARN of their own."""
    arn = f"arn:aws:iam::{HERE}:policy/No"
    no = document(written([deny()]), IDENTITY, Origin(Attachment.MANAGED, "No", arn))
    home = asked("user")
    assert denial_text(home, decide(home, Policies(identity=(no,)))).endswith(f"policy ARN: {arn}")
    abroad = Request(home.principal, home.action, home.resources, "222222222222", {})
    assert denial_text(abroad, decide(abroad, Policies(identity=(no,)))).endswith("-based policy")
    bucket = document(
        written([EVERYONE]), RESOURCE, Origin(Attachment.RESOURCE, "b", "arn:aws:s3:::b")
    )
    assert denial_text(home, decide(home, Policies(resource=(bucket,)))).endswith("-based policy")


def test_the_deciding_statements() -> None:
    """The place of a statement is its place in the document, whichever it is found by."""
    managed = Origin(Attachment.MANAGED, "Books", f"arn:aws:iam::{HERE}:policy/Books", "worker")
    statements = [
        allow("sqs:*"),
        deny("dynamodb:Delete*", Sid="Keep"),
        allow("dynamodb:*", Sid="All"),
    ]
    policies = Policies(identity=(document(written(statements), IDENTITY, managed),))
    assert decide(asked(), policies).statements == (
        Deciding(Layer.IDENTITY, managed, 2, "All", allows=True),
    )
    request = asked(action="dynamodb:DeleteItem")
    denied = decide(request, policies)
    assert denied.statements == (Deciding(Layer.IDENTITY, managed, 1, "Keep", allows=False),)
    assert explain(request, policies, denied) == (
        f"{USER} may not dynamodb:DeleteItem on {TABLE}",
        f"denied by statement 2 (Sid Keep) of managed policy arn:aws:iam::{HERE}:policy/Books of worker",
    )
    told = denial_text(request, denied)
    assert told.endswith(
        " with an explicit deny in an identity-based policy, with policy ARN:"
        f" arn:aws:iam::{HERE}:policy/Books"
    )
    assert explain(asked(), policies, decide(asked(), policies)) == (
        f"{USER} may dynamodb:PutItem on {TABLE}",
        f"allowed by statement 3 (Sid All) of managed policy arn:aws:iam::{HERE}:policy/Books of worker",
    )


def test_every_deny_is_told() -> None:
    policies = texts(identity=[deny(Sid="A"), deny(Sid="B")], boundary=[deny(Sid="C")])
    decision = decide(asked(), policies)
    assert [one.sid for one in decision.statements] == ["A", "B", "C"]
    assert decision.layer is Layer.IDENTITY


def test_what_is_lacking() -> None:
    """All that would have to change, not only what AWS's text names."""
    decision = decide(asked(), texts(identity=OTHER, boundary=OTHER, session=OTHER, scp=OTHER))
    assert decision.lacking == (
        Layer.SERVICE_CONTROL,
        Layer.IDENTITY,
        Layer.BOUNDARY,
        Layer.SESSION,
    )
    abroad = Request(PEOPLE["their user"], "dynamodb:PutItem", (TABLE,), HERE, {})
    assert decide(abroad, Policies()) == Decision(
        Verdict.IMPLICIT_DENY,
        TABLE,
        Layer.RESOURCE,
        lacking=(Layer.RESOURCE, Layer.IDENTITY),
        cross_account=True,
    )


def test_near_misses() -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/team": ["books", "films"]}}
    policies = texts(
        identity=[
            allow("dynamodb:GetItem"),
            allow("dynamodb:*", TABLE + "2", Sid="Other"),
            allow("dynamodb:*", TABLE, Sid="Team", Condition=condition),
        ],
        resource=[{"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "*", "Resource": "*"}],
    )  # fmt: skip
    request = asked(**{"aws:principaltag/team": "music"})
    decision = decide(request, policies)
    found = near_misses(request, policies, decision)
    assert [(one.statement.sid, one.missed) for one in found] == [
        ("Other", Missed.RESOURCE),
        ("Team", Missed.CONDITION),
    ]
    assert explain(request, policies, decision) == (
        f"{USER} may not dynamodb:PutItem on {TABLE}",
        "no identity-based policy allows it",
        "statement 2 (Sid Other) of managed policy identity would allow it, but its Resource is"
        f" {TABLE}2",
        "statement 3 (Sid Team) of managed policy identity would allow it, but its condition"
        " StringEquals aws:PrincipalTag/team books, films does not hold: the request has music",
    )
    key = Policies(policies.identity, resource=policies.resource, resource_side=ResourceSide.KEY)
    told = near_misses(request, key, decide(request, key))
    assert told[0].missed is Missed.PRINCIPAL


def test_near_misses_are_bounded() -> None:
    policies = texts(identity=[allow("dynamodb:*", f"{TABLE}{at}") for at in range(50)])
    assert len(near_misses(asked(), policies, decide(asked(), policies))) == NEAR_MISSES_MAX


def test_every_resource_must_be_allowed() -> None:
    policies = texts(identity=[allow("dynamodb:*", TABLE)])
    both = Request(PEOPLE["user"], "dynamodb:PutItem", (TABLE, TABLE + "2"), HERE, {})
    assert decide(both, policies).resource == TABLE + "2"
    assert not decide(both, policies).allowed
    assert decide(Request(PEOPLE["user"], "dynamodb:PutItem", (TABLE,), HERE, {}), policies).allowed
    assert not decide(Request(PEOPLE["user"], "dynamodb:PutItem", (), HERE, {}), policies).allowed


def test_an_owner_that_is_unknown_is_another_account() -> None:
    """So that a caller who forgets to say whose resource it is opens nothing."""
    request = Request(PEOPLE["user"], "dynamodb:PutItem", (TABLE,), "", {})
    assert decide(request, texts(identity=[allow()])).layer is Layer.RESOURCE


def test_a_resource_policy_without_principals_allows_nobody() -> None:
    """Such a document cannot be stored; if one is handed in, it must not open anything."""
    nameless = document(written([allow()]), IDENTITY, Origin(Attachment.RESOURCE))
    assert not decide(asked("anonymous"), Policies(resource=(nameless,))).allowed
    denying = document(written([deny()]), IDENTITY, Origin(Attachment.RESOURCE))
    decision = decide(asked("root"), Policies(resource=(denying,)))
    assert decision.verdict is Verdict.EXPLICIT_DENY


def test_policies_are_compiled_once_and_forgotten_in_time() -> None:
    text = written([allow("s3:*", Sid="Once")])
    policy = compile_policy(text, IDENTITY)
    assert compile_policy(text, IDENTITY) is policy
    for at in range(POLICIES_MAX):
        compile_policy(written([allow("s3:*", f"arn:aws:s3:::b{at}")]), IDENTITY)
    assert compile_policy(text, IDENTITY) is not policy
    large = written([allow("s3:*", f"arn:aws:s3:::{'b' * LARGE_CHARACTERS}")])
    assert compile_policy(large, IDENTITY) is compile_policy(large, IDENTITY)
    assert policy.about("s3:getobject") is policy.about("s3:getobject")
    for at in range(ACTIONS_MAX + 5):
        assert len(policy.about(f"s3:action{at}")) == 1
    assert policy.about("sqs:sendmessage") == ()


def test_the_keys_that_a_policy_asks_for() -> None:
    """So that what is dear to know, as a resource's tags, is only looked up for those who ask."""
    condition = {"StringLike": {"aws:PrincipalTag/Team": ["a", "${s3:prefix, 'b'}${*}"]}}
    statements = [
        allow("*", "arn:aws:s3:::${aws:UserName}/${*}"),
        deny(Condition={**condition, "Null": {"aws:SourceIp": "true"}}),
    ]
    assert compile_policy(written(statements), IDENTITY).keys == {
        "aws:username": "aws:UserName",
        "aws:principaltag/team": "aws:PrincipalTag/Team",
        "s3:prefix": "s3:prefix",
        "aws:sourceip": "aws:SourceIp",
    }
    old = compile_policy(written(statements, "2008-10-17"), IDENTITY)
    assert set(old.keys) == {"aws:principaltag/team", "aws:sourceip"}


def test_a_broken_document_is_refused() -> None:
    with pytest.raises(PolicyError):
        document("{}", IDENTITY, Origin(Attachment.INLINE))
