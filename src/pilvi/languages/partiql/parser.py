"""Statements, from words."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from pilvi.base.errors import NotBuilt
from pilvi.languages.partiql.conditions import condition, operand
from pilvi.languages.partiql.lexer import KEYWORD
from pilvi.languages.partiql.problems import PartiqlProblem, malformed
from pilvi.languages.partiql.syntax import (
    Condition,
    Delete,
    Exists,
    Insert,
    Order,
    Path,
    Returning,
    Select,
    Setting,
    Statement,
    Update,
)
from pilvi.languages.partiql.words import Words

STATEMENTS_CACHED: Final = 512
_CLAUSES: Final = frozenset(("group", "having", "limit", "offset", "let"))


@lru_cache(STATEMENTS_CACHED)
def parse(text: str) -> Statement:
    """Raises: PartiqlProblem; NotBuilt."""
    words = Words(text)
    if words.had("select"):
        found: Statement = _select(words)
    elif words.had("insert"):
        found = _insert(words)
    elif words.had("update"):
        found = _update(words)
    elif words.had("delete"):
        found = _delete(words)
    elif words.had("from"):
        found = _update_from(words)
    elif words.is_keyword("exists") and words.behind.text == "(":
        found = _exists(words)
    else:
        raise malformed("Expected data manipulation")
    words.finish()
    return found


# --- SELECT


def _select(words: Words) -> Select:
    paths = _projection(words)
    words.expect("from", "FROM")
    names = _source(words)
    if words.had(","):
        raise PartiqlProblem("Only select from a single table or index is supported.")
    _refuse_alias(words)
    where = condition(words) if words.had("where") else None
    order = _order(words)
    if words.next.kind == KEYWORD and words.next.text in _CLAUSES:
        clause = words.next
        raise PartiqlProblem(f"Unsupported clause: {clause.text.upper()} at {clause.place}")
    return Select(
        names[0], names[1] if len(names) > 1 else None, paths, where, order, words.parameters
    )


def _projection(words: Words) -> tuple[Path, ...] | None:
    """None for `*`."""
    if words.is_keyword("value", "pivot"):
        raise PartiqlProblem("Select projection doesn't support value or pivot keywords")
    paths: list[Path] = []
    star = False
    while True:
        if words.had("*"):
            star = True
        else:
            if words.behind.text == "(" and words.next.kind in ("word", "keyword"):
                raise PartiqlProblem(f"Unexpected path component at {words.next.place}")
            paths.append(words.path())
            if words.is_keyword("as") or words.is_name():
                raise PartiqlProblem("Aliasing is not supported")
        if not words.had(","):
            break
    if star and paths:
        raise PartiqlProblem(
            "Other attributes should not be present in the projection when '*' is used."
        )
    return None if star else tuple(paths)


def _source(words: Words) -> list[str]:
    """A table, and perhaps its index."""
    if not words.is_name():
        raise words.misplaced()
    return _names(words)


def _names(words: Words) -> list[str]:
    names = [words.take().text]
    while words.had("."):
        if not words.is_name():
            raise malformed("Invalid path dot component")
        names.append(words.take().text)
    if "" in names:
        raise PartiqlProblem("Path component cannot be an empty string")
    if len(names) > 2:
        raise PartiqlProblem("A path may contain at most 2 components in the FROM clause")
    return names


def _order(words: Words) -> tuple[Order, ...]:
    if not words.had("order"):
        return ()
    words.expect("by", "BY")
    found: list[Order] = []
    while True:
        attribute, *more = words.path().parts
        if more:
            raise PartiqlProblem(
                "Argument to ORDER BY must be of type VariableReference. Type: Path"
            )
        descending = words.had("desc")
        if not descending:
            words.had("asc")
        found.append(Order(str(attribute), descending))
        if not words.had(","):
            return tuple(found)


def _refuse_alias(words: Words) -> None:
    if words.is_keyword("as", "at", "by") or words.is_name():
        raise PartiqlProblem("Aliasing is not supported")


# --- statements that write


def _insert(words: Words) -> Insert:
    words.expect("into", "INTO")
    table = _table(words)
    if words.is_keyword("values"):
        raise PartiqlProblem(
            "Unsupported operation: Inserting multiple items in a single statement is not supported, "
            'use "INSERT INTO tableName VALUE item" instead'
        )
    if not words.had("value"):
        raise malformed("Unexpected token after expression")
    item = words.value()
    if item is None:
        raise words.misplaced()
    if words.said("at"):
        raise PartiqlProblem("AT is not supported in insert statements.")
    if words.is_keyword("on"):
        raise NotBuilt(what="ON CONFLICT in INSERT statements of PartiQL")
    if words.said("returning"):
        raise PartiqlProblem("RETURNING is not supported in INSERT")
    return Insert(table, item, words.parameters)


def _update(words: Words) -> Update:
    table = _table(words)
    _refuse_alias(words)
    settings = _settings(words)
    where = condition(words) if words.had("where") else None
    return Update(table, settings, where, _returning(words), words.parameters)


def _update_from(words: Words) -> Update:
    """`FROM table WHERE ... SET ...`: the same in another order."""
    table = _table(words)
    _refuse_alias(words)
    where: Condition | None = condition(words) if words.had("where") else None
    settings = _settings(words)
    return Update(table, settings, where, _returning(words), words.parameters)


def _settings(words: Words) -> tuple[Setting, ...]:
    found: list[Setting] = []
    while words.is_keyword("set", "remove"):
        removing = words.take().text == "remove"
        while True:
            path = words.path()
            if removing:
                found.append(Setting(path, None))
            else:
                words.expect("=", "EQ")
                found.append(Setting(path, operand(words)))
            if not words.had(","):
                break
    if not found:
        raise malformed("Expected data manipulation")
    return tuple(found)


def _delete(words: Words) -> Delete:
    words.expect("from", "FROM")
    table = _table(words)
    _refuse_alias(words)
    where = condition(words) if words.had("where") else None
    returning = _returning(words)
    told = " ".join(returning or ())
    if told not in ("", "ALL OLD"):
        raise PartiqlProblem(
            f"Invalid returning clause: RETURNING {told} *. "
            "Only RETURNING ALL OLD * is allowed in DELETE statements."
        )
    return Delete(table, where, returning, words.parameters)


def _table(words: Words) -> str:
    """Of a statement that writes, which no index is named in. Raises: PartiqlProblem."""
    if not words.is_name():
        raise malformed("Expected identifier for simple path")
    names = _names(words)
    if len(names) > 1:
        raise PartiqlProblem("This operation is not supported on an index")
    return names[0]


def _returning(words: Words) -> Returning | None:
    if not words.said("returning"):
        return None
    wrong = "Expected '*' after ( MODIFIED | ALL ) ( NEW | OLD ) in RETURNING clause"
    if words.said("all"):
        what = "ALL"
    elif words.said("modified"):
        what = "MODIFIED"
    else:
        raise PartiqlProblem(wrong)
    if words.said("old"):
        when = "OLD"
    elif words.said("new"):
        when = "NEW"
    else:
        raise PartiqlProblem(wrong)
    if not words.had("*"):
        raise PartiqlProblem(wrong)
    if words.had(","):
        raise PartiqlProblem("Invalid syntax with multiple returning elements in RETURNING clause")
    return (what, when)


def _exists(words: Words) -> Exists:
    words.take()
    words.take()
    words.expect("select", "SELECT")
    select = _select(words)
    words.expect(")", "RIGHT_PAREN")
    return Exists(select, words.parameters)
