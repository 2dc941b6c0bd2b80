"""Expressions of S3 Select, most of them AWS's own examples, on values without an object."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pilvi.languages.select_sql.bindings import Documents
from pilvi.languages.select_sql.parser import parse
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.running import Running
from pilvi.languages.select_sql.timestamps import Timestamp
from pilvi.languages.select_sql.values import MISSING

NOW = Timestamp.at_ms(1_507_910_531_123)
ROW = {
    "s": "abc",
    "n": 5,
    "d": Decimal("2.50"),
    "f": 0.5,
    "none": None,
    "items": [1, 2, 3],
    "deep": {"a": [{"b": 1}, {"b": 2}, {}]},
    "yes": True,
}


def value(expression: str) -> Any:
    query = parse(f"SELECT {expression} FROM S3Object r")
    ((_, values),) = Running(query, Documents(query.alias), NOW).records([ROW])
    found = values[0]
    return str(found) if isinstance(found, Timestamp) else found


def code(expression: str) -> str:
    with pytest.raises(SelectProblem) as caught:
        value(expression)
    return caught.value.code


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        # String functions, as the User Guide has them.
        ("CHAR_LENGTH('')", 0),
        ("CHARACTER_LENGTH('abcdefg')", 7),
        ("LOWER('AbCdEfG!@#$')", "abcdefg!@#$"),
        ("UPPER('AbCdEfG!@#$')", "ABCDEFG!@#$"),
        ("SUBSTRING('123456789', 0)", "123456789"),
        ("SUBSTRING('123456789', 1)", "123456789"),
        ("SUBSTRING('123456789', 2)", "23456789"),
        ("SUBSTRING('123456789', -4)", "123456789"),
        ("SUBSTRING('123456789', 0, 999)", "123456789"),
        ("SUBSTRING('123456789' FROM 1 FOR 5)", "12345"),
        ("SUBSTRING('123456789', -4, 6)", "1"),
        ("SUBSTRING('123456789', -4, 2)", ""),
        ("TRIM('       foobar         ')", "foobar"),
        ("TRIM(LEADING FROM '       foobar         ')", "foobar         "),
        ("TRIM(TRAILING FROM '       foobar         ')", "       foobar"),
        ("TRIM(BOTH FROM '       foobar         ')", "foobar"),
        ("TRIM(BOTH '12' FROM '1112211foobar22211122')", "foobar"),
        ("'a' || 'b' || r.s", "ababc"),
        # Conditional functions.
        ("COALESCE(1)", 1),
        ("COALESCE(null, null)", None),
        ("COALESCE(missing, missing)", None),
        ("COALESCE(null, null, 1)", 1),
        ("COALESCE(missing, 'string')", "string"),
        ("NULLIF(1, 1)", None),
        ("NULLIF(1, 2)", 1),
        ("NULLIF(1.0, 1)", None),
        ("NULLIF(1, '1')", 1),
        ("NULLIF([1], [1])", None),
        ("NULLIF(1, NULL)", 1),
        ("NULLIF(NULL, 1)", None),
        ("NULLIF(missing, missing)", None),
        ("CASE r.s WHEN 'abc' THEN 'Big Apple' ELSE 'other' END", "Big Apple"),
        ("CASE WHEN n < 5 THEN 1 WHEN n > 5 THEN 2 ELSE 3 END", 3),
        ("CASE WHEN none THEN 1 END", None),
        # Dates.
        ("DATE_ADD(year, 5, `2010-01-01T`)", "2015-01-01"),
        ("DATE_ADD(month, 1, `2010T`)", "2010-02T"),
        ("DATE_ADD(month, 13, `2010T`)", "2011-02T"),
        ("DATE_ADD(month, 1, `2011-01-31`)", "2011-02-28"),
        ("DATE_ADD(day, -1, `2017-01-10T`)", "2017-01-09"),
        ("DATE_ADD(hour, 1, `2017T`)", "2017-01-01T01:00-00:00"),
        ("DATE_ADD(hour, 1, `2017-01-02T03:04Z`)", "2017-01-02T04:04Z"),
        ("DATE_ADD(minute, 1, `2017-01-02T03:04:05.006Z`)", "2017-01-02T03:05:05.006Z"),
        ("DATE_ADD(second, 1, `2017-01-02T03:04:05.006Z`)", "2017-01-02T03:04:06.006Z"),
        ("DATE_DIFF(year, `2010-01-01T`, `2011-01-01T`)", 1),
        ("DATE_DIFF(month, `2010T`, `2010-05T`)", 4),
        ("DATE_DIFF(month, `2010T`, `2011T`)", 12),
        ("DATE_DIFF(month, `2011T`, `2010T`)", -12),
        ("DATE_DIFF(day, `2010-01-01T23:00Z`, `2010-01-02T01:00Z`)", 0),
        ("DATE_DIFF(hour, `2010-01-01T00:00+02:00`, `2010-01-01T00:00Z`)", 2),
        ("EXTRACT(YEAR FROM `2010-01-01T`)", 2010),
        ("EXTRACT(MONTH FROM `2010T`)", 1),
        ("EXTRACT(HOUR FROM `2017-01-02T03:04:05+07:08`)", 3),
        ("EXTRACT(MINUTE FROM `2017-01-02T03:04:05+07:08`)", 4),
        ("EXTRACT(TIMEZONE_HOUR FROM `2017-01-02T03:04:05+07:08`)", 7),
        ("EXTRACT(TIMEZONE_MINUTE FROM `2017-01-02T03:04:05+07:08`)", 8),
        ("TO_STRING(`1969-07-20T20:18Z`, 'MMMM d, y')", "July 20, 1969"),
        ("TO_STRING(`1969-07-20T20:18Z`, 'MMM d, yyyy')", "Jul 20, 1969"),
        ("TO_STRING(`1969-07-20T20:18Z`, 'M-d-yy')", "7-20-69"),
        ("TO_STRING(`1969-07-20T20:18Z`, 'MM-d-y')", "07-20-1969"),
        ("TO_STRING(`1969-07-20T20:18Z`, 'MMMM d, y h:m a')", "July 20, 1969 8:18 PM"),
        ("TO_STRING(`1969-07-20T20:18Z`, 'y-MM-dd''T''H:m:ssX')", "1969-07-20T20:18:00Z"),
        (
            "TO_STRING(`1969-07-20T20:18+08:00`, 'y-MM-dd''T''H:m:ssXXXX')",
            "1969-07-20T20:18:00+0800",
        ),
        (
            "TO_STRING(`1969-07-20T20:18+08:00`, 'y-MM-dd''T''H:m:ssXXXXX')",
            "1969-07-20T20:18:00+08:00",
        ),
        ("TO_TIMESTAMP('2007T')", "2007T"),
        ("TO_TIMESTAMP('2007-02-23T12:14:33.079-08:00')", "2007-02-23T12:14:33.079-08:00"),
        ("TO_TIMESTAMP('20.07.1969', 'dd.MM.y')", "1969-07-20"),
        ("UTCNOW()", "2017-10-13T16:02:11.123Z"),
        ("CAST('2007-04-05T14:30Z' AS TIMESTAMP) < UTCNOW()", True),
        ("`2007-04-05T14:30Z` = `2007-04-05T16:30+02:00`", True),
        # CAST.
        ("CAST(0.456 AS FLOAT)", 0.456),
        ("CAST(' 12 ' AS INT)", 12),
        ("CAST('1.5' AS DECIMAL(10, 2))", Decimal("1.5")),
        ("CAST(5.7 AS INT)", 5),
        ("CAST('TRUE' AS BOOL)", True),
        ("CAST(n AS STRING)", "5"),
        ("CAST(none AS INT)", None),
        ("CAST(r.absent AS INT)", MISSING),
        # Arithmetic and precedence.
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 4 - 3", 3),
        ("-n + 1", -4),
        ("- -n", 5),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("7.0 / 2", Decimal("3.5")),
        ("d * 2", Decimal("5.00")),
        ("f + 1", 1.5),
        ("n + none", None),
        ("n + absent", MISSING),
        ("-9223372036854775808", -(2**63)),
        # Comparisons; unknown is neither.
        ("n = 5.0", True),
        ("f = 0.5", True),
        ("'5' = 5", False),
        ("'5' <> 5", True),
        ("'a' < 5", None),
        ("none = none", None),
        ("n <> none", None),
        ("none IS NULL", True),
        ("absent IS NULL", True),
        ("absent IS MISSING", True),
        ("none IS NOT MISSING", True),
        ("NOT none", None),
        ("none AND false", False),
        ("none OR true", True),
        ("none AND true", None),
        ("true OR false AND false", True),
        ("NOT n = 5", False),
        ("n BETWEEN 5 AND 6", True),
        ("n NOT BETWEEN 5 AND 6", False),
        ("n BETWEEN none AND 4", False),
        ("n IN (1, 5)", True),
        ("n NOT IN (1, 2)", True),
        ("n IN (1, null)", None),
        ("s IN ('x', 'abc')", True),
        ("2 IN items", True),
        # LIKE.
        ("s LIKE 'a%'", True),
        ("s LIKE '_b_'", True),
        ("s LIKE 'b%'", False),
        ("s NOT LIKE '%c'", False),
        ("'100%' LIKE '100!%' ESCAPE '!'", True),
        ("'100x' LIKE '100!%' ESCAPE '!'", False),
        ("'a.c' LIKE 'a.c'", True),
        ("'abc' LIKE 'a.c'", False),
        ("'aXbXc' LIKE 'a%b%c'", True),
        ("'ab' LIKE 'ab%b'", False),
        ("'a\nb' LIKE 'a_b'", True),
        ("none LIKE 'a'", None),
        # Paths.
        ("r.deep.a[1].b", 2),
        ("deep.a[9].b", MISSING),
        ("r['deep'].a[0]", {"b": 1}),
        ("deep.a[*].b", [1, 2]),
        ("R.S", "abc"),
        ('r."S"', MISSING),
        ("S3Object.n", 5),
        ("_1.n", 5),
        ("/* one */ n -- and more\n", 5),
    ],
)
def test_an_expression_has_the_value_that_the_documentation_says(
    expression: str, wanted: Any
) -> None:
    found = value(expression)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("CAST('x' AS INT)", "CastFailed"),
        ("CAST('' AS INT)", "CastFailed"),
        ("CAST('1.5' AS INT)", "CastFailed"),
        ("CAST('1e999' AS FLOAT)", "CastFailed"),
        ("CAST('2010' AS TIMESTAMP)", "CastFailed"),
        ("CAST('99999999999999999999' AS INT)", "IntegerOverflow"),
        ("CAST(CAST('1e9999' AS DECIMAL) AS INT)", "IntegerOverflow"),
        ("CAST('1e999999999' AS DECIMAL)", "CastFailed"),
        ("9223372036854775807 + 1", "IntegerOverflow"),
        ("9223372036854775808", "NumberFormatError"),
        ("1 / 0", "ExternalEvalException"),
        ("1.0 % 0", "ExternalEvalException"),
        ("s + 1", "IncorrectSqlFunctionArgumentType"),
        ("LOWER(n)", "IncorrectSqlFunctionArgumentType"),
        ("n AND true", "IncorrectSqlFunctionArgumentType"),
        ("LOWER(s, s)", "EvaluatorInvalidArguments"),
        ("SUBSTRING(s)", "EvaluatorInvalidArguments"),
        ("s LIKE 'a!b' ESCAPE '!'", "EvaluatorLikePatternInvalidEscapeSequence"),
        ("s LIKE 'ab' ESCAPE 'xx'", "EvaluatorLikePatternInvalidEscapeSequence"),
        ("n LIKE '5'", "LikeInvalidInputs"),
        ("TO_TIMESTAMP('yesterday')", "ValueParseFailure"),
        ("TO_STRING(UTCNOW(), 'Q')", "EvaluatorInvalidTimestampFormatPatternSymbol"),
        ("TO_STRING(UTCNOW(), '''T')", "EvaluatorUnterminatedTimestampFormatPatternToken"),
        ("TO_TIMESTAMP('1', 'd')", "EvaluatorInvalidTimestampFormatPattern"),
        ("TO_TIMESTAMP('1', 'y y')", "EvaluatorTimestampFormatPatternDuplicateFields"),
        (
            "TO_TIMESTAMP('1', 'y-MM-dd h:mm')",
            "EvaluatorTimestampFormatPatternHourClockAmPmMismatch",
        ),
        ("FOO(1)", "UnsupportedFunction"),
        ("CAST(n, INT)", "ParseCastArity"),
        ("CAST(n AS thing)", "ParseExpectedTypeName"),
        ("CAST n AS INT", "ParseExpectedLeftParenAfterCast"),
        ("EXTRACT(week FROM UTCNOW())", "ParseExpectedDatePart"),
        ("DATE_ADD(year 1, UTCNOW())", "ParseExpectedArgumentDelimiter"),
        ("SUM(*)", "ParseUnsupportedCallWithStar"),
        ("SUM(1, 2)", "ParseNonUnaryAgregateFunctionCall"),
        ("n IN 5", "ParseExpectedLeftParenValueConstructor"),
        ("CASE n ELSE 1 END", "ParseExpectedWhenClause"),
        ("r.CAST", "ParseInvalidPathComponent"),
        ("date", "ParseUnExpectedKeyword"),
        ("n AS count", "ParseExpectedIdentForAlias"),
        ("n +", "ParseUnExpectedKeyword"),
        ("#", "LexerInvalidChar"),
        ("`yesterday`", "LexerInvalidIONLiteral"),
        ("COUNT(n) + n", "UnsupportedSqlStructure"),
        ("SUM(COUNT(n))", "UnsupportedSqlStructure"),
        ("SUM(s)", "IncorrectSqlFunctionArgumentType"),
        ("(" * 200 + "1" + ")" * 200, "MaxOperatorsExceeded"),
        ("1" + "+1" * 200, "MaxOperatorsExceeded"),
    ],
)
def test_what_is_wrong_has_the_code_that_aws_gives_it(expression: str, wanted: str) -> None:
    assert code(expression) == wanted


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("SELEC * FROM S3Object", "ParseUnexpectedToken"),
        ("SELECT FROM S3Object", "ParseEmptySelect"),
        ("SELECT *", "ParseSelectMissingFrom"),
        ("SELECT *, n FROM S3Object", "ParseAsteriskIsNotAloneInSelectList"),
        ("SELECT n, * FROM S3Object", "ParseAsteriskIsNotAloneInSelectList"),
        ("SELECT DISTINCT n FROM S3Object", "UnsupportedSqlStructure"),
        ("SELECT n FROM S3Object GROUP BY n", "UnsupportedSqlStructure"),
        ("SELECT n FROM S3Object ORDER BY n", "UnsupportedSqlStructure"),
        ("SELECT n FROM (SELECT * FROM S3Object)", "UnsupportedSqlStructure"),
        ("SELECT n FROM S3Object a, S3Object b", "MultipleDataSourcesUnsupported"),
        ("SELECT n FROM S3Object JOIN S3Object", "ParseMalformedJoin"),
        ("SELECT n FROM elsewhere", "InvalidDataSource"),
        ("SELECT n FROM S3Object.path", "InvalidDataSource"),
        ("SELECT n FROM S3Object LIMIT -1", "EvaluatorNegativeLimit"),
        ("SELECT n FROM S3Object LIMIT x", "ParseExpectedNumber"),
        ("DELETE FROM S3Object", "UnsupportedSqlOperation"),
        ("SELECT n FROM S3Object WHERE", "ParseExpectedExpression"),
        ("SELECT n FROM S3Object s t", "ParseUnexpectedToken"),
    ],
)
def test_only_queries_of_the_dialect_are_read(query: str, wanted: str) -> None:
    with pytest.raises(SelectProblem) as caught:
        parse(query)
    assert caught.value.code == wanted


def test_a_place_in_the_query_is_told_by_line_and_column() -> None:
    with pytest.raises(SelectProblem) as caught:
        parse("SELECT n\nFROM S3Object s t")
    assert caught.value.text == "Unexpected token found IDENTIFIER:t at line 2, column 17."


def _all(query_text: str, rows: list[Any]) -> list[tuple[list[str], list[Any]]]:
    query = parse(query_text)
    found = Running(query, Documents(query.alias), NOW).records(rows)
    return [(list(names), list(values)) for names, values in found]


def test_aggregates_leave_out_what_is_null_or_missing() -> None:
    rows = [{"n": 1}, {"n": None}, {}, {"n": Decimal("2.5")}]
    found = _all("SELECT COUNT(*), COUNT(n), SUM(n), MIN(n), MAX(n) + 1 FROM S3Object", rows)
    values = [4, 2, Decimal("3.5"), 1, Decimal("3.5")]
    assert found == [(["_1", "_2", "_3", "_4", "_5"], values)]
    assert _all("SELECT AVG(n) FROM S3Object", [{"n": 1}, {"n": 2}])[0][1] == [Decimal("1.5")]
    assert _all("SELECT COUNT(n), SUM(n), AVG(n), MIN(n) FROM S3Object", [])[0][1] == [
        0,
        None,
        None,
        None,
    ]


def test_columns_are_called_by_alias_else_last_name_else_place() -> None:
    query = "SELECT r.deep.a, n AS x, n + 1, r['s'], items[0], s y FROM S3Object r"
    ((names, _),) = _all(query, [ROW])
    assert names == ["a", "x", "_3", "s", "_5", "y"]


def test_a_limit_takes_no_more_rows_than_it_needs() -> None:
    def rows() -> Any:
        yield {"n": 1}
        yield {"n": 2}
        raise AssertionError("one row too many")

    query = parse("SELECT n FROM S3Object LIMIT 2")
    assert len(list(Running(query, Documents(None), NOW).records(rows()))) == 2


def test_a_name_that_means_two_members_is_refused_and_quotation_marks_tell_them_apart() -> None:
    row = {"NAME": 1, "name": 2}
    with pytest.raises(SelectProblem) as caught:
        _all("SELECT r.Name FROM S3Object r", [row])
    assert caught.value.code == "AmbiguousFieldName"
    assert _all('SELECT r."NAME" FROM S3Object r', [row]) == [(["NAME"], [1])]


def test_a_pattern_that_could_match_in_many_ways_takes_no_longer() -> None:
    query = parse("SELECT COUNT(*) FROM S3Object WHERE s LIKE '%a%a%a%a%a%a%a%a%a%a%b'")
    found = Running(query, Documents(None), NOW).records([{"s": "a" * 200_000}])
    assert next(iter(found))[1] == [0]


def test_chains_of_and_and_or_may_be_long() -> None:
    text = " OR ".join(f"n = {number}" for number in range(3000))
    query = parse(f"SELECT n FROM S3Object WHERE {text}")
    assert len(list(Running(query, Documents(None), NOW).records([{"n": 2999}]))) == 1
