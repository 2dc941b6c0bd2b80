"""What can be wrong with a query or with what it reads: AWS's codes, and AWS's words for them.

AWS: S3 API Reference, "List of SELECT Object Content Error Codes".
"""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "AmbiguousFieldName": "Some field names in the query are ambiguous: they match more than one field of the file."
    " Check the SQL expression and the file, and try again.",
    "CastFailed": "Attempt to convert from one data type to another using CAST failed in the SQL expression.",
    "ColumnTooLong": "The length of a column in the result is greater than maxCharsPerColumn of 1 MB.",
    "CSVEscapingRecordDelimiter": "A quoted record delimiter was found in the file. To allow quoted record"
    " delimiters, set AllowQuotedRecordDelimiter to 'TRUE'.",
    "CSVParsingError": "Encountered an error parsing the CSV file. Check the file and try again.",
    "CSVUnescapedQuote": "An unescaped quote was found while parsing the CSV file. To allow quoted record"
    " delimiters, set AllowQuotedRecordDelimiter to 'TRUE'.",
    "EvaluatorBindingDoesNotExist": "A column name or a path provided does not exist in the SQL expression.",
    "EvaluatorInvalidArguments": "Incorrect number of arguments in the function call in the SQL expression.",
    "EvaluatorInvalidTimestampFormatPattern": "Time stamp format pattern requires additional fields in the SQL"
    " expression.",
    "EvaluatorInvalidTimestampFormatPatternSymbol": "Time stamp format pattern contains an invalid symbol in the SQL"
    " expression.",
    "EvaluatorInvalidTimestampFormatPatternSymbolForParsing": "Time stamp format pattern contains a valid format"
    " symbol that cannot be applied to time stamp parsing in the SQL expression.",
    "EvaluatorLikePatternInvalidEscapeSequence": "An argument given to the LIKE expression was not valid.",
    "EvaluatorNegativeLimit": "LIMIT must not be negative.",
    "EvaluatorTimestampFormatPatternDuplicateFields": "Time stamp format pattern contains multiple format specifiers"
    " representing the time stamp field in the SQL expression.",
    "EvaluatorTimestampFormatPatternHourClockAmPmMismatch": "Time stamp format pattern contains a 12-hour hour of day"
    " format symbol but doesn't also contain an AM/PM field, or it contains a 24-hour hour of day format specifier"
    " and contains an AM/PM field in the SQL expression.",
    "EvaluatorUnterminatedTimestampFormatPatternToken": "Time stamp format pattern contains unterminated token in the"
    " SQL expression.",
    "ExternalEvalException": "The query cannot be evaluated. Check the file and try again.",
    "IllegalSqlFunctionArgument": "Illegal argument was used in the SQL function.",
    "IncorrectSqlFunctionArgumentType": "Incorrect type of arguments in function call in the SQL expression.",
    "IntegerOverflow": "Integer overflow or underflow in the SQL expression.",
    "InvalidColumnIndex": "Column index at line {line}, column {column} is invalid. Please check the service"
    " documentation and try again.",
    "InvalidCompressionFormat": "{format} is not applicable to the queried object. Please correct the request and try"
    " again.",
    "InvalidDataSource": "The data source of the SQL expression is not valid. Only S3Object can be queried.",
    "InvalidScanRange": "The provided scan range is not valid.",
    "InvalidTextEncoding": "UTF-8 encoding is required. The text encoding error was found near byte {offset}.",
    "JSONParsingError": "Error parsing JSON file. Please check the file and try again.",
    "LexerInvalidChar": "The SQL expression contains an invalid character.",
    "LexerInvalidIONLiteral": "The SQL expression contains an invalid operator.",
    "LexerInvalidLiteral": "The SQL expression contains an invalid literal.",
    "LikeInvalidInputs": "Invalid argument given to the LIKE clause in the SQL expression.",
    "MaxOperatorsExceeded": "Failed to parse SQL expression, try reducing complexity. For example, reduce number of"
    " operators used.",
    "MissingHeaders": "Some headers in the query are missing from the file. Please check the file and try again.",
    "MultipleDataSourcesUnsupported": "Multiple data sources are not supported.",
    "NumberFormatError": "An error occurred while parsing a number. This error can be caused by underflow or overflow"
    " of integers.",
    "OverMaxColumn": "The number of columns in the result is greater than the maximum allowable number of columns.",
    "OverMaxParquetBlockSize": "The Parquet file is above the max row group size.",
    "OverMaxRecordSize": "The character number in one record is more than our max threshold, maxCharsPerRecord:"
    " 1,048,576",
    "ParquetParsingError": "Error parsing Parquet file. Please check the file and try again.",
    "ParquetUnsupportedCompressionCodec": "The specified Parquet compression codec is not supported.",
    "ParseAsteriskIsNotAloneInSelectList": "Other expressions are not allowed in the SELECT list when '*' is used"
    " without dot notation in the SQL expression.",
    "ParseCannotMixSqbAndWildcardInSelectList": "Cannot mix [] and * in the same expression in a SELECT list in the"
    " SQL expression.",
    "ParseCastArity": "The SQL expression CAST has incorrect arity.",
    "ParseEmptySelect": "The SQL expression contains an empty SELECT.",
    "ParseExpectedArgumentDelimiter": "Did not find the expected argument delimiter in the SQL expression.",
    "ParseExpectedDatePart": "Did not find the expected date part in the SQL expression.",
    "ParseExpectedExpression": "Did not find the expected SQL expression.",
    "ParseExpectedIdentForAlias": "Did not find the expected identifier for the alias in the SQL expression.",
    "ParseExpectedKeyword": "Did not find the expected keyword in the SQL expression.",
    "ParseExpectedLeftParenAfterCast": "Did not find expected the left parenthesis after CAST in the SQL expression.",
    "ParseExpectedLeftParenBuiltinFunctionCall": "Did not find the expected left parenthesis in the SQL expression.",
    "ParseExpectedLeftParenValueConstructor": "Did not find expected the left parenthesis in the SQL expression.",
    "ParseExpectedNumber": "Did not find the expected number in the SQL expression.",
    "ParseExpectedRightParenBuiltinFunctionCall": "Did not find the expected right parenthesis character in the SQL"
    " expression.",
    "ParseExpectedTokenType": "Did not find the expected token in the SQL expression.",
    "ParseExpectedTypeName": "Did not find the expected type name in the SQL expression.",
    "ParseExpectedWhenClause": "Did not find the expected WHEN clause in the SQL expression.",
    "ParseInvalidContextForWildcardInSelectList": "Invalid use of * in SELECT list in the SQL expression.",
    "ParseInvalidPathComponent": "Invalid Path component, expecting either an IDENTIFIER or STAR, got: {kind}",
    "ParseInvalidTypeParam": "The SQL expression contains an invalid parameter value.",
    "ParseMalformedJoin": "JOIN is not supported in the SQL expression.",
    "ParseNonUnaryAgregateFunctionCall": "Only one argument is supported for aggregate functions in the SQL"
    " expression.",
    "ParseSelectMissingFrom": "The SQL expression contains a missing FROM after SELECT list.",
    "ParseUnExpectedKeyword": "The SQL expression contains an unexpected keyword: {found}",
    "ParseUnexpectedOperator": "The SQL expression contains an unexpected operator: {found}",
    "ParseUnexpectedToken": "Unexpected token found {kind}:{found}",
    "ParseUnsupportedCallWithStar": "Only COUNT with (*) as a parameter is supported in the SQL expression.",
    "ParseUnsupportedSyntax": "The SQL expression contains unsupported syntax.",
    "TruncatedInput": "Object decompression failed. Check that the object is properly compressed using the format"
    " specified in the request.",
    "UnrecognizedFormatException": "Encountered an invalid record type. Please check the file and try again.",
    "UnsupportedFunction": "Encountered an unsupported SQL function.",
    "UnsupportedParquetType": "The specified Parquet type is not supported.",
    "UnsupportedSqlOperation": "Encountered an unsupported SQL operation.",
    "UnsupportedSqlStructure": "Encountered an unsupported SQL structure. Check the SQL Reference.",
    "ValueParseFailure": "A time stamp parse failure occurred in the SQL expression.",
}


_PLACED = ("Parse", "Lexer", "NumberFormatError")
"""Codes whose texts end with where in the query it is."""


class SelectProblem(Exception):
    """`place`: line and column in the query, both from 1; None for what the object's content has wrong."""

    def __init__(
        self, code: str, *, place: tuple[int, int] | None = None, **fields: object
    ) -> None:
        self.code = code
        line, column = place or (0, 0)
        self.text = WORDS[code].format(line=line, column=column, **fields)
        if place is not None and code.startswith(_PLACED):
            self.text = f"{self.text.rstrip('.')} at line {line}, column {column}."
        super().__init__(f"{code}: {self.text}")
