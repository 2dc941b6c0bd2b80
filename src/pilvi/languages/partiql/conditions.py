"""Conditions and operands, from words: OR binds least, then AND, NOT, comparisons, plus and minus."""

from __future__ import annotations

from typing import Final

from pilvi.languages.partiql.lexer import KEYWORD, MARK, WORD
from pilvi.languages.partiql.problems import PartiqlProblem, malformed
from pilvi.languages.partiql.syntax import (
    Arithmetic,
    Between,
    Comparison,
    Condition,
    Function,
    In,
    Is,
    Junction,
    Not,
    Operand,
    Sequence,
)
from pilvi.languages.partiql.words import Words

_COMPARISONS: Final = frozenset(("=", "<>", "<", "<=", ">", ">="))
_TYPES: Final = {
    "missing": "MISSING",
    "null": "NULL",
    "boolean": "BOOLEAN",
    "bool": "BOOLEAN",
    "blob": "BLOB",
    "string": "STRING",
    "numeric": "NUMERIC",
    "struct": "STRUCT",
    "tuple": "TUPLE",
    "list": "LIST",
}
_OTHER_TYPES: Final = frozenset(
    (
        "bag",
        "sexp",
        "clob",
        "symbol",
        "decimal",
        "dec",
        "int",
        "integer",
        "int4",
        "int8",
        "smallint",
        "bigint",
        "float",
        "real",
        "double",
        "char",
        "character",
        "varchar",
        "timestamp",
        "date",
        "time",
        "any",
    )
)
"""Types that the language knows and DynamoDB has not."""
_CONDITIONS: Final = (Comparison, Between, In, Is, Junction, Not, Function)

_Node = Condition | Operand


def condition(words: Words) -> Condition:
    """What stands behind WHERE. Raises: PartiqlProblem."""
    found = _either(words)
    if not isinstance(found, _CONDITIONS):
        raise PartiqlProblem("WHERE clause must contain an expression that resolves to a boolean")
    return found


def operand(words: Words) -> Operand:
    """What stands behind SET's equals sign. Raises: PartiqlProblem."""
    if words.is_end():
        raise malformed("Missing right-hand side expression of infix operator")
    return _as_operand(_sum(words))


def _as_operand(node: _Node) -> Operand:
    if isinstance(node, Comparison | Between | In | Is | Junction | Not):
        raise PartiqlProblem("Unsupported token in expression: a condition stands for a value")
    return node


def _right(words: Words) -> None:
    """Raises: PartiqlProblem where an operator has nothing behind it."""
    if words.is_end():
        raise malformed("Missing right-hand side expression of infix operator")


def _either(words: Words) -> _Node:
    return _joined(words, "or")


def _joined(words: Words, word: str) -> _Node:
    inner = _negated if word == "and" else _both
    first = inner(words)
    if not words.is_keyword(word):
        return first
    parts = [_joinable(first)]
    while words.had(word):
        _right(words)
        parts.append(_joinable(inner(words)))
    return Junction(word.upper(), tuple(parts))


def _both(words: Words) -> _Node:
    return _joined(words, "and")


def _joinable(node: _Node) -> Condition:
    if not isinstance(node, _CONDITIONS):
        raise PartiqlProblem("The arguments to AND/OR must be Expressions")
    return node


def _negated(words: Words) -> _Node:
    if not words.had("not"):
        return _compared(words)
    words.deeper()
    inner = _negated(words)
    words.higher()
    if not isinstance(inner, _CONDITIONS):
        raise PartiqlProblem("The argument to NOT must be a Type or Expression")
    return Not(inner)


def _compared(words: Words) -> _Node:
    left = _sum(words)
    if words.next.text in _COMPARISONS and words.is_mark(words.next.text):
        operator = words.take().text
        _right(words)
        return Comparison(operator, _as_operand(left), _as_operand(_sum(words)))
    if words.had("is"):
        negated = words.had("not")
        found: Condition = Is(_as_operand(left), _type(words))
        return Not(found) if negated else found
    negated = words.is_keyword("not") and words.behind.text in ("in", "between")
    if negated:
        words.take()
    if words.had("between"):
        _right(words)
        low = _as_operand(_sum(words))
        words.expect("and", "AND after BETWEEN")
        _right(words)
        found = Between(_as_operand(left), low, _as_operand(_sum(words)))
    elif words.had("in"):
        _right(words)
        found = In(_as_operand(left), _choices(words))
    elif words.is_keyword("like"):
        place = words.next.place
        raise PartiqlProblem(
            f"Unsupported operator in Condition Expression. Operator: LIKE at {place}"
        )
    else:
        return left
    return Not(found) if negated else found


def _type(words: Words) -> str:
    word = words.next
    name = word.text.lower()
    if word.kind not in (WORD, KEYWORD) or (name not in _TYPES and name not in _OTHER_TYPES):
        raise malformed("Expected type name")
    words.take()
    if name not in _TYPES:
        raise PartiqlProblem(
            f"Unsupported data type for IS operator: {name.upper()}. Supported data types are "
            "[MISSING, NULL, BOOLEAN, BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]"
        )
    return _TYPES[name]


def _choices(words: Words) -> tuple[Operand, ...]:
    choices: tuple[Operand, ...] = ()
    if words.had("("):
        choices = _operands(words)
    else:
        value = words.value()
        if isinstance(value, Sequence):
            choices = value.members
    if not choices:
        raise PartiqlProblem(
            "IN operator must have a left hand argument of type Variable Reference and right hand "
            "argument of type Seq with at least one member"
        )
    return choices


def _operands(words: Words) -> tuple[Operand, ...]:
    """Behind an opening parenthesis, up to the closing one."""
    words.deeper()
    found: list[Operand] = []
    if not words.is_mark(")"):
        found.append(_as_operand(_sum(words)))
        while words.had(","):
            found.append(_as_operand(_sum(words)))
    words.expect(")", "RIGHT_PAREN")
    words.higher()
    return tuple(found)


def _sum(words: Words) -> _Node:
    found = _term(words)
    while words.is_mark("+", "-"):
        operator = words.take().text
        _right(words)
        found = Arithmetic(operator, _as_operand(found), _as_operand(_term(words)))
    return found


def _term(words: Words) -> _Node:
    token = words.next
    if _calls(words):
        words.take()
        words.take()
        return Function(token.text.lower(), _operands(words), token.place)
    if words.is_name():
        return words.path()
    value = words.value()
    if value is not None:
        return value
    if words.had("("):
        return _parenthesised(words)
    raise words.misplaced()


def _calls(words: Words) -> bool:
    """Whether a function's name stands here. Some are keywords."""
    token, behind = words.next, words.behind
    if behind.kind != MARK or behind.text != "(":
        return False
    return token.kind == WORD or (token.kind == KEYWORD and token.text in ("exists", "size"))


def _parenthesised(words: Words) -> _Node:
    words.deeper()
    found = _either(words)
    if words.is_mark(","):
        raise PartiqlProblem("Unsupported token in expression: a list in parentheses")
    words.expect(")", "RIGHT_PAREN")
    words.higher()
    return found
