"""The grammar. AWS: Developer Guide, "Condition and filter expressions", "Update expressions",
"Projection expressions", "Expression attribute names".

The parser resolves `#names` at once, so that the same text under other names is another program. It
knows nothing of values but their placeholders.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.expressions.lexer import Tokens
from pilvi.services.dynamodb.expressions.nodes import (
    Arithmetic,
    Assignment,
    Between,
    Call,
    Comparison,
    Condition,
    In,
    Junction,
    Not,
    Operand,
    Path,
    PathOperand,
    PathPart,
    ValueOperand,
    path_text,
)
from pilvi.services.dynamodb.expressions.reserved import RESERVED_WORDS

COMPARATORS: Final = frozenset(("=", "<>", "<", "<=", ">", ">="))
SECTIONS: Final = ("SET", "REMOVE", "ADD", "DELETE")
_CONDITION_KEYWORDS: Final = frozenset(("AND", "OR", "NOT", "BETWEEN", "IN"))
_KEYWORDS: Final = {
    "UpdateExpression": frozenset(SECTIONS),
    "ProjectionExpression": frozenset[str](),
}


class Parser:
    """One expression being parsed. Afterwards `names_used` and `values_used` tell its placeholders."""

    def __init__(self, expression: str, text: str, names: Mapping[str, str]) -> None:
        self.tokens = Tokens(expression, text)
        self.names_used: dict[str, None] = {}
        self.values_used: dict[str, None] = {}
        self._names = names
        self._keywords = _KEYWORDS.get(expression, _CONDITION_KEYWORDS)
        self._problem: Exception | None = None

    # --- the three kinds of expressions

    def condition(self) -> Condition:
        condition, _ = self._disjunction()
        self._finish()
        return condition

    def projection(self) -> tuple[Path, ...]:
        paths = [self._path()]
        while self.tokens.take_symbol(","):
            paths.append(self._path())
        self._finish()
        return tuple(paths)

    def update(self) -> tuple[Assignment, ...]:
        assignments: list[Assignment] = []
        seen = set[str]()
        while True:
            section = next((word for word in SECTIONS if self.tokens.at_word(word)), None)
            if section is None:
                raise self.tokens.syntax_error()
            self.tokens.take()
            if section in seen:
                self._note(
                    f'The "{section}" section can only be used once in an update expression;'
                )
            seen.add(section)
            assignments.append(self._assignment(section))
            while self.tokens.take_symbol(","):
                assignments.append(self._assignment(section))
            if self.tokens.next.kind == "end":
                self._finish()
                return tuple(assignments)

    def _note(self, detail: str) -> None:
        """Keep the first error of meaning: AWS tells errors of syntax before all others."""
        if self._problem is None:
            self._problem = self.tokens.error(detail)

    def _finish(self) -> None:
        self.tokens.expect_end()
        if self._problem is not None:
            raise self._problem

    # --- conditions: the second half of a result tells whether it was in parentheses

    def _disjunction(self) -> tuple[Condition, bool]:
        first, bare = self._conjunction()
        conditions = [first]
        while self.tokens.take_word("OR"):
            self.tokens.count_operator()
            conditions.append(self._conjunction()[0])
        return (first, bare) if len(conditions) == 1 else (Junction("OR", tuple(conditions)), False)

    def _conjunction(self) -> tuple[Condition, bool]:
        first, bare = self._negation()
        conditions = [first]
        while self.tokens.take_word("AND"):
            self.tokens.count_operator()
            conditions.append(self._negation()[0])
        return (
            (first, bare) if len(conditions) == 1 else (Junction("AND", tuple(conditions)), False)
        )

    def _negation(self) -> tuple[Condition, bool]:
        if self.tokens.take_word("NOT"):
            self.tokens.count_operator()
            self.tokens.deeper()
            condition = Not(self._negation()[0])
            self.tokens.shallower()
            return condition, False
        if self.tokens.take_symbol("("):
            self.tokens.deeper()
            condition, parenthesised = self._disjunction()
            self.tokens.expect(")")
            self.tokens.shallower()
            if parenthesised:
                self._note("The expression has redundant parentheses;")
            return condition, True
        return self._predicate(), False

    def _predicate(self) -> Condition:
        operand = self._operand()
        token = self.tokens.next
        if token.kind == "symbol" and token.text in COMPARATORS:
            self.tokens.take()
            self.tokens.count_operator()
            return Comparison(token.text, operand, self._operand())
        if self.tokens.take_word("BETWEEN"):
            self.tokens.count_operator()
            low = self._operand()
            if not self.tokens.take_word("AND"):
                raise self.tokens.syntax_error()
            return Between(operand, low, self._operand())
        if self.tokens.take_word("IN"):
            self.tokens.count_operator()
            self.tokens.expect("(")
            choices = [self._operand()]
            while self.tokens.take_symbol(","):
                choices.append(self._operand())
            self.tokens.expect(")")
            if len(choices) > limits.IN_OPERANDS_MAX:
                self._note(
                    "The IN operator is provided with too many operands; "
                    f"number of operands: {len(choices)}"
                )
            return In(operand, tuple(choices))
        if isinstance(operand, Call):
            return operand
        raise self.tokens.syntax_error()

    # --- updates

    def _assignment(self, section: str) -> Assignment:
        path = self._path()
        self.tokens.count_operator()
        if section == "SET":
            self.tokens.expect("=")
            return Assignment(section, path, self._sum()[0])
        if section == "REMOVE":
            return Assignment(section, path, None)
        return Assignment(section, path, self._value())

    def _sum(self) -> tuple[Operand, bool]:
        left, parenthesised = self._term()
        token = self.tokens.next
        if token.kind == "symbol" and token.text in "+-":
            self.tokens.take()
            self.tokens.count_operator()
            return Arithmetic(token.text, left, self._term()[0]), False
        return left, parenthesised

    def _term(self) -> tuple[Operand, bool]:
        if not self.tokens.take_symbol("("):
            return self._operand(), False
        self.tokens.deeper()
        operand, parenthesised = self._sum()
        self.tokens.expect(")")
        self.tokens.shallower()
        if parenthesised:
            self._note("The expression has redundant parentheses;")
        return operand, True

    # --- operands

    def _operand(self) -> Operand:
        token = self.tokens.next
        if token.kind == "value":
            return self._value()
        after = self.tokens.after_next
        if token.kind == "word" and after.kind == "symbol" and after.text == "(":
            self.tokens.take()
            self.tokens.take()
            self.tokens.count_operator()
            self.tokens.deeper()
            operands = [self._operand()]
            while self.tokens.take_symbol(","):
                operands.append(self._operand())
            self.tokens.expect(")")
            self.tokens.shallower()
            return Call(token.text, tuple(operands))
        return PathOperand(self._path())

    def _value(self) -> ValueOperand:
        token = self.tokens.next
        if token.kind != "value":
            raise self.tokens.syntax_error()
        self.tokens.take()
        self.values_used[token.text] = None
        return ValueOperand(token.text)

    def _path(self) -> Path:
        parts: list[PathPart] = [self._name()]
        while True:
            if self.tokens.take_symbol("."):
                parts.append(self._name())
            elif self.tokens.take_symbol("["):
                token = self.tokens.next
                if token.kind != "index":
                    raise self.tokens.syntax_error()
                self.tokens.take()
                parts.append(self._list_index(token.text))
                self.tokens.expect("]")
            else:
                break
        if len(parts) > limits.NESTING_MAX:
            self._note(
                f"The document path has too many nesting elements; nesting levels: {len(parts)}"
            )
        return tuple(parts)

    def _list_index(self, digits: str) -> int:
        index = int(digits)  # of fewer digits than an expression may have bytes
        if index > limits.LIST_INDEX_MAX:
            self._note(f"List index is not within the allowable range; index: [{digits}]")
        return index

    def _name(self) -> str:
        token = self.tokens.next
        if token.kind == "word" and token.text.upper() not in self._keywords:
            self.tokens.take()
            if token.text.upper() in RESERVED_WORDS:
                self._note(f"Attribute name is a reserved keyword; reserved keyword: {token.text}")
            return token.text
        if token.kind == "name":
            self.tokens.take()
            self.names_used[token.text] = None
            name = self._names.get(token.text)
            if name is None:
                self._note(
                    "An expression attribute name used in the document path is not defined; "
                    f"attribute name: {token.text}"
                )
                return token.text
            return name
        raise self.tokens.syntax_error()


def refuse_overlaps(expression: str, paths: tuple[Path, ...]) -> None:
    """Raises: ValidationException when one path contains another, or takes a list for a map.

    Quadratic, over at most as many paths as one expression has room for.
    """
    for at, one in enumerate(paths):
        for two in paths[at + 1 :]:
            relation = _relation(one, two)
            if relation is not None:
                raise invalid(
                    f"Invalid {expression}: Two document paths {relation} with each other; must "
                    "remove or rewrite one of these paths; "
                    f"path one: {path_text(one)}, path two: {path_text(two)}"
                )


def _relation(one: Path, two: Path) -> str | None:
    for left, right in zip(one, two, strict=False):
        if left != right:
            return "conflict" if type(left) is not type(right) else None
    return "overlap"
