"""Reads the expressions of a query of S3 Select.

AWS: S3 User Guide, "Operators" (whose precedence this is), "SQL functions".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from pilvi.languages.select_sql import lexer
from pilvi.languages.select_sql.cursor import Cursor
from pilvi.languages.select_sql.lexer import Token
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.syntax import (
    Aggregate,
    Arithmetic,
    Between,
    Call,
    Case,
    Cast,
    Comparison,
    Each,
    Expression,
    In,
    Index,
    Is,
    Items,
    Like,
    Literal,
    Logical,
    Name,
    Not,
    Path,
    Signed,
    Step,
)
from pilvi.languages.select_sql.values import INT_MAX, MISSING

NESTING_MAX = 150
"""Of expressions in each other, and of operators in a chain; AND and OR may chain at any length."""
AGGREGATES = frozenset({"avg", "count", "max", "min", "sum"})
PARTS = frozenset({"year", "month", "day", "hour", "minute", "second"})
ZONES = frozenset({"timezone_hour", "timezone_minute"})
TYPES = {
    **dict.fromkeys(("bool", "boolean"), "bool"),
    **dict.fromkeys(("int", "integer", "smallint"), "int"),
    **dict.fromkeys(("float", "real", "double"), "float"),
    **dict.fromkeys(("decimal", "numeric", "dec"), "decimal"),
    **dict.fromkeys(("string", "char", "varchar", "character", "symbol"), "string"),
    "timestamp": "timestamp",
}
ARITIES = {
    "char_length": (1, 1),
    "character_length": (1, 1),
    "coalesce": (1, 1000),
    "date_add": (2, 2),
    "date_diff": (2, 2),
    "lower": (1, 1),
    "nullif": (2, 2),
    "to_string": (2, 2),
    "to_timestamp": (1, 2),
    "upper": (1, 1),
    "utcnow": (0, 0),
}
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_OR, _AND, _EQUALITY, _ORDER, _TEST, _CONCATENATION, _SUM, _PRODUCT = range(1, 9)
_BINARY = {
    **dict.fromkeys(("=", "<>", "!="), _EQUALITY),
    **dict.fromkeys(("<", "<=", ">", ">="), _ORDER),
    "||": _CONCATENATION,
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _PRODUCT),
}
_TESTS = frozenset({"between", "in", "like", "is"})
_SIDES = frozenset({"leading", "trailing", "both"})


class ExpressionParser(Cursor):
    def __init__(self, found: Sequence[Token]) -> None:
        super().__init__(found)
        self._depth = 0

    def _expression(self, tighter: int = 0) -> Expression:
        """What binds more tightly than `tighter`."""
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise SelectProblem("MaxOperatorsExceeded", place=self._next.place)
        left = (
            self._negation()
            if self._is(lexer.KEYWORD, "not") and tighter < _EQUALITY
            else self._signed()
        )
        chained = 0
        while (binding := self._binding()) > tighter:
            chained += binding > _AND
            if chained > NESTING_MAX:
                raise SelectProblem("MaxOperatorsExceeded", place=self._next.place)
            left = self._continued(left, binding)
        self._depth -= 1
        return left

    def _negation(self) -> Expression:
        self._take()
        return Not(self._expression(_AND))

    def _binding(self) -> int:
        """How tightly what comes next binds; 0 for what ends an expression."""
        token = self._next
        if token.kind == lexer.OPERATOR or (token.kind == lexer.MARK and token.text == "*"):
            return _BINARY.get(token.text, 0)
        if token.kind != lexer.KEYWORD:
            return 0
        if token.text == "or":
            return _OR
        if token.text == "and":
            return _AND
        if token.text in _TESTS:
            return _TEST
        following = self._tokens[self._at + 1]
        negated = token.text == "not" and following.kind == lexer.KEYWORD
        return _TEST if negated and following.text in _TESTS - {"is"} else 0

    def _continued(self, left: Expression, binding: int) -> Expression:
        if binding in (_OR, _AND):
            word = "or" if binding == _OR else "and"
            operands = [left]
            while self._keyword(word):
                operands.append(self._expression(binding))
            return Logical(binding == _AND, tuple(operands))
        if binding == _TEST:
            return self._test(left)
        operator = self._take().text
        right = self._expression(binding)
        if operator in _COMPARISONS:
            return Comparison(_COMPARISONS[operator], left, right)
        return Arithmetic(operator, left, right)

    def _test(self, left: Expression) -> Expression:
        negated = self._keyword("not")
        word = self._take().text
        found: Expression
        if word == "between":
            low = self._expression(_TEST)
            self._expect("and", "ParseExpectedKeyword")
            found = Between(left, low, self._expression(_TEST))
        elif word == "in":
            found = In(left, self._among())
        elif word == "like":
            pattern = self._expression(_TEST)
            escape = self._expression(_TEST) if self._keyword("escape") else None
            found = Like(left, pattern, escape)
        else:
            negated = self._keyword("not")
            token = self._take()
            what = token.text if token.text in ("null", "missing") else TYPES.get(token.text)
            if token.kind != lexer.KEYWORD or what is None:
                raise SelectProblem("ParseExpectedTypeName", place=token.place)
            found = Is(left, what)
        return Not(found) if negated else found

    def _among(self) -> Expression:
        if self._mark("("):
            items = self._listed(")", "ParseExpectedTokenType")
            if not items:
                raise SelectProblem("ParseExpectedExpression", place=self._next.place)
            return Items(items)
        token = self._next
        if token.kind in (lexer.IDENTIFIER, lexer.QUOTED) or self._is(lexer.MARK, "["):
            return self._expression(_TEST)
        raise SelectProblem("ParseExpectedLeftParenValueConstructor", place=token.place)

    def _listed(self, end: str, code: str) -> tuple[Expression, ...]:
        """Expressions with commas between, and what ends them."""
        if self._mark(end):
            return ()
        items = [self._expression()]
        while self._mark(","):
            items.append(self._expression())
        self._expect(end, code)
        return tuple(items)

    def _signed(self) -> Expression:
        token = self._next
        if not self._taken(lexer.OPERATOR, "-", "+"):
            found = self._primary()
            if isinstance(found, Literal) and type(found.value) is int and found.value > INT_MAX:
                raise SelectProblem("NumberFormatError", place=token.place)
            return found
        negative, follows = token.text == "-", self._next
        if follows.kind == lexer.LITERAL and isinstance(follows.value, int | Decimal):
            self._take()
            return Literal(-follows.value if negative else follows.value)
        return Signed(negative, self._expression(_PRODUCT))

    def _primary(self) -> Expression:
        token = self._take()
        if token.kind == lexer.LITERAL:
            return Literal(token.value)
        if token.kind in (lexer.IDENTIFIER, lexer.QUOTED):
            if token.kind == lexer.IDENTIFIER and self._mark("("):
                return self._call(token)
            name = Name(str(token.value), exact=token.kind == lexer.QUOTED)
            return Path(name, self._steps(), token.place)
        if token.kind == lexer.KEYWORD:
            return self._worded(token)
        if token.text == "(":
            if self._is(lexer.KEYWORD, "select"):
                raise SelectProblem("UnsupportedSqlStructure", place=self._next.place)
            found = self._expression()
            self._expect(")", "ParseExpectedTokenType")
            return found
        if token.text == "[":
            return Items(self._listed("]", "ParseExpectedTokenType"))
        if token.text == "{":
            raise SelectProblem("ParseUnsupportedSyntax", place=token.place)
        if token.text == "*":
            raise SelectProblem("ParseInvalidContextForWildcardInSelectList", place=token.place)
        if token.kind == lexer.END:
            raise SelectProblem("ParseExpectedExpression", place=token.place)
        raise self._unexpected(token)

    def _steps(self) -> tuple[Step, ...]:
        """`.name`, `."Name"`, `['Name']`, `[0]`, `[*]`, `.*`, one behind the other."""
        steps: list[Step] = []
        while True:
            if len(steps) > NESTING_MAX:
                raise SelectProblem("MaxOperatorsExceeded", place=self._next.place)
            if self._mark("."):
                token = self._take()
                if token.text == "*" and token.kind == lexer.MARK:
                    steps.append(Each(fields=True))
                elif token.kind in (lexer.IDENTIFIER, lexer.QUOTED):
                    steps.append(Name(str(token.value), exact=token.kind == lexer.QUOTED))
                else:
                    raise SelectProblem(
                        "ParseInvalidPathComponent", place=token.place, kind=token.called()
                    )
            elif self._mark("["):
                steps.append(self._bracketed())
                self._expect("]", "ParseExpectedTokenType")
            else:
                return tuple(steps)

    def _bracketed(self) -> Step:
        token = self._take()
        if token.kind == lexer.MARK and token.text == "*":
            return Each()
        if token.kind == lexer.LITERAL and isinstance(token.value, str):
            return Name(token.value, exact=True)
        if token.kind == lexer.QUOTED:
            return Name(str(token.value), exact=True)
        if token.kind == lexer.LITERAL and type(token.value) is int:
            return Index(token.value)
        raise SelectProblem("ParseInvalidPathComponent", place=token.place, kind=token.called())

    # --- what begins with a word

    def _worded(self, token: Token) -> Expression:
        word = token.text
        constants = {"true": True, "false": False, "null": None, "missing": MISSING}
        if word in constants:
            return Literal(constants[word])
        special: dict[str, Callable[[], Expression]] = {
            "cast": self._cast,
            "extract": self._extract,
            "substring": self._substring,
            "trim": self._trim,
        }
        if word == "case":
            return self._case()
        if word in special or word in AGGREGATES or word in ARITIES:
            code = "ParseExpectedLeftParenBuiltinFunctionCall"
            self._expect("(", "ParseExpectedLeftParenAfterCast" if word == "cast" else code)
            if word in AGGREGATES:
                return self._aggregate(word)
            return special[word]() if word in special else self._call(token)
        raise self._unexpected(token)

    def _call(self, token: Token) -> Expression:
        """Behind its left parenthesis."""
        name = token.text
        if name not in ARITIES:
            raise SelectProblem("UnsupportedFunction", place=token.place)
        part = ""
        if name in ("date_add", "date_diff"):
            part = self._part(PARTS)
            self._expect(",", "ParseExpectedArgumentDelimiter")
        if self._is(lexer.MARK, "*"):
            raise SelectProblem("ParseUnsupportedCallWithStar", place=self._next.place)
        arguments = self._listed(")", "ParseExpectedRightParenBuiltinFunctionCall")
        least, most = ARITIES[name]
        if not least <= len(arguments) <= most:
            raise SelectProblem("EvaluatorInvalidArguments", place=token.place)
        return Call(name, arguments, part)

    def _part(self, known: frozenset[str]) -> str:
        token = self._take()
        if token.text not in known:
            raise SelectProblem("ParseExpectedDatePart", place=token.place)
        return token.text

    def _aggregate(self, name: str) -> Expression:
        place = self._next.place
        if self._mark("*"):
            if name != "count":
                raise SelectProblem("ParseUnsupportedCallWithStar", place=place)
            self._expect(")", "ParseExpectedRightParenBuiltinFunctionCall")
            return Aggregate(name, None)
        if self._is(lexer.KEYWORD, "distinct", "all"):
            raise SelectProblem("UnsupportedSqlStructure", place=place)
        arguments = self._listed(")", "ParseExpectedRightParenBuiltinFunctionCall")
        if len(arguments) != 1:
            raise SelectProblem("ParseNonUnaryAgregateFunctionCall", place=place)
        return Aggregate(name, arguments[0])

    def _cast(self) -> Expression:
        operand = self._expression()
        if not self._keyword("as"):
            code = "ParseCastArity" if self._is(lexer.MARK, ",", ")") else "ParseExpectedKeyword"
            raise SelectProblem(code, place=self._next.place)
        token = self._take()
        kind = TYPES.get(token.text)
        if token.kind != lexer.KEYWORD or kind is None:
            raise SelectProblem("ParseExpectedTypeName", place=token.place)
        if token.text == "double":
            self._keyword("precision")
        if self._mark("("):
            self._parameters()
        self._expect(")", "ParseExpectedRightParenBuiltinFunctionCall")
        return Cast(operand, kind)

    def _parameters(self) -> None:
        """Of a type. Lengths, precision and scale have no effect, as at AWS."""
        while True:
            token = self._take()
            if token.kind != lexer.LITERAL or type(token.value) is not int:
                raise SelectProblem("ParseInvalidTypeParam", place=token.place)
            if not self._mark(","):
                break
        self._expect(")", "ParseInvalidTypeParam")

    def _extract(self) -> Expression:
        part = self._part(PARTS | ZONES)
        self._expect("from", "ParseExpectedKeyword")
        operand = self._expression()
        self._expect(")", "ParseExpectedRightParenBuiltinFunctionCall")
        return Call("extract", (operand,), part)

    def _substring(self) -> Expression:
        arguments = [self._expression()]
        if self._keyword("from"):
            arguments.append(self._expression())
            if self._keyword("for"):
                arguments.append(self._expression())
        else:
            while self._mark(","):
                arguments.append(self._expression())
        place = self._next.place
        self._expect(")", "ParseExpectedRightParenBuiltinFunctionCall")
        if len(arguments) not in (2, 3):
            raise SelectProblem("EvaluatorInvalidArguments", place=place)
        return Call("substring", tuple(arguments))

    def _trim(self) -> Expression:
        side = self._take().text if self._is(lexer.KEYWORD, *_SIDES) else "both"
        characters: Expression = Literal(" ")
        if self._keyword("from"):
            operand = self._expression()
        else:
            operand = self._expression()
            if self._keyword("from"):
                characters, operand = operand, self._expression()
        self._expect(")", "ParseExpectedRightParenBuiltinFunctionCall")
        return Call("trim", (operand, characters), side)

    def _case(self) -> Expression:
        operand = None if self._is(lexer.KEYWORD, "when") else self._expression()
        whens: list[tuple[Expression, Expression]] = []
        while self._keyword("when"):
            condition = self._expression()
            self._expect("then", "ParseExpectedKeyword")
            whens.append((condition, self._expression()))
        if not whens:
            raise SelectProblem("ParseExpectedWhenClause", place=self._next.place)
        otherwise = self._expression() if self._keyword("else") else None
        self._expect("end", "ParseExpectedKeyword")
        return Case(operand, tuple(whens), otherwise)
