"""Statements of PartiQL, from text: what they say, and what is said of those that say nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilvi.base.errors import NotBuilt
from pilvi.languages.partiql import PartiqlProblem, parse, syntax

ENVELOPE = "Statement wasn't well formed, can't be processed: "


def where(text: str) -> syntax.Condition:
    statement = parse(f"SELECT * FROM t WHERE {text}")
    assert isinstance(statement, syntax.Select)
    assert statement.where is not None
    return statement.where


def test_or_binds_least_then_and_then_not() -> None:
    tree = where("a = 1 OR NOT b = 2 AND c = 3")
    assert isinstance(tree, syntax.Junction)
    assert tree.operator == "OR"
    both = tree.conditions[1]
    assert isinstance(both, syntax.Junction)
    assert [type(part) for part in both.conditions] == [syntax.Not, syntax.Comparison]


def test_between_keeps_its_and() -> None:
    tree = where("a BETWEEN 1 AND 2 AND b = 3")
    assert isinstance(tree, syntax.Junction)
    assert [type(part) for part in tree.conditions] == [syntax.Between, syntax.Comparison]


def test_a_minus_is_a_sign_before_a_number_and_an_operator_behind_a_name() -> None:
    tree = where("a > -5")
    assert isinstance(tree, syntax.Comparison)
    assert tree.right == syntax.Number("-5")
    statement = parse("UPDATE t SET n=n-1 WHERE pk=1")
    assert isinstance(statement, syntax.Update)
    assert isinstance(statement.settings[0].value, syntax.Arithmetic)


def test_quotation_marks_are_doubled_inside() -> None:
    tree = where("\"a\"\"b\" = 'it''s'")
    assert isinstance(tree, syntax.Comparison)
    assert isinstance(tree.left, syntax.Path)
    assert tree.left.parts == ('a"b',)
    assert tree.right == syntax.Text("it's")


def test_comments_are_nothing() -> None:
    assert parse("SELECT * /* all\nof it */ FROM t -- of t") == parse("SELECT * FROM t")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT * FROM t WHERE;", f"{ENVELOPE}Unexpected term"),
        ("SELECT * FROM t WHERE NOT", f"{ENVELOPE}Unexpected term"),
        ("SELECT * FROM", f"{ENVELOPE}Unexpected term"),
        (
            "SELECT * FROM t WHERE a = 1 OR",
            f"{ENVELOPE}Missing right-hand side expression of infix operator",
        ),
        ("SELECT * FROM t WHERE ORDER BY pk", f"{ENVELOPE}Unexpected keyword"),
        ("SELECT * FROM t WHERE a = LIKE", f"{ENVELOPE}Unexpected operator"),
        ("SELECT * FROM t WHERE a IS FOO", f"{ENVELOPE}Expected type name"),
        ("SELECT * FROM t WHERE a = 1 # note", ENVELOPE),
        ("SELECT * FROM t WHERE a = 1 /* note", ENVELOPE),
        ("SELECT * FROM t WHERE a = 1e2147483648", ENVELOPE),
        ("SELECT * FROM t WHERE a = 1.5e-2147483647", ENVELOPE),
        ("SELECT * FROM t WHERE m.inner = 1", f"{ENVELOPE}Invalid path dot component"),
        ("SELECT * FROM t WHERE a = MISSING", "MISSING must be compared using IS operator"),
        (
            "SELECT * FROM t WHERE a",
            "WHERE clause must contain an expression that resolves to a boolean",
        ),
        ("SELECT * FROM t AS x", "Aliasing is not supported"),
        ("SELECT * FROM a, b", "Only select from a single table or index is supported."),
        (
            "SELECT *, a FROM t",
            "Other attributes should not be present in the projection when '*' is used.",
        ),
        (
            "SELECT l[-1] FROM t",
            "List index is not within the allowable range; index: [-1] at 1:11:1",
        ),
        ("SELECT size(a) FROM t", "Unexpected path component at 1:8:4"),
        ('SELECT * FROM a."b"."c"', "A path may contain at most 2 components in the FROM clause"),
        ("DELETE FROM", f"{ENVELOPE}Expected identifier for simple path"),
        ("DELETE FROM WHERE a = 1", f"{ENVELOPE}Expected identifier for simple path"),
        ("DELETE FROM t WHERE a = 1 ORDER BY a", f"{ENVELOPE}Unexpected token after expression"),
        (
            "DELETE FROM t WHERE a = 1 RETURNING MODIFIED NEW *",
            "Invalid returning clause: RETURNING MODIFIED NEW *. Only RETURNING ALL OLD * is allowed in "
            "DELETE statements.",
        ),
        ("INSERT INTO t x VALUE {}", f"{ENVELOPE}Unexpected token after expression"),
        ("INSERT INTO t VALUE {'a': <<>>}", "Empty bags are not supported"),
        ("FROM t SET c = 1 WHERE a = 1", f"{ENVELOPE}Unexpected token after expression"),
    ],
)
def test_what_is_no_statement(statement: str, message: str) -> None:
    with pytest.raises(PartiqlProblem) as problem:
        parse(statement)
    assert problem.value.text == message


@pytest.mark.parametrize("opening", ["(", "[", "NOT ", "{'a':", "<<", "size("])
def test_nothing_is_nested_without_end(opening: str) -> None:
    """A statement has room for thousands of parentheses, and a parser's stack has not."""
    with pytest.raises(PartiqlProblem):
        parse(f"SELECT * FROM t WHERE a = 1 AND {opening * 1500}")


_WORDS = st.sampled_from(
    [
        *("SELECT", "*", "FROM", "t", '"u"', ".", "WHERE", "a", "=", "1", "'x'", "?", "AND", "OR"),
        *("NOT", "IN", "IS", "MISSING", "NULL", "(", ")", "[", "]", "{", "}", ":", ",", "<<", ">>"),
        *(
            "INSERT",
            "INTO",
            "VALUE",
            "UPDATE",
            "SET",
            "REMOVE",
            "DELETE",
            "RETURNING",
            "ALL",
            "OLD",
        ),
        *(
            "EXISTS",
            "ORDER",
            "BY",
            "BETWEEN",
            "size",
            "begins_with",
            "-",
            "+",
            "1e9",
            ";",
            "é",
            "\n",
        ),
    ]
)


@given(st.lists(_WORDS, max_size=25))
def test_any_words_are_a_statement_or_a_problem(words: list[str]) -> None:
    text = " ".join(words)
    try:
        statement = parse(text)
    except (PartiqlProblem, NotBuilt):
        return
    assert statement.parameters == text.count("?")
